import Engine
import Foundation
import ModelStore
import SIREN
import Tensors
import Training
import WeightFormats

/// The figures of `evaluate` for a model that predicts numbers.
struct RegressionEvaluation {
    /// A set of networks and how well their numbers are predicted.
    struct Part {
        /// Its name in JSON.
        let name: String
        /// What the networks are, in words.
        let title: String
        /// One for each target; nil where there are too few networks.
        let reports: [RegressionReport]
    }

    /// The accuracy up to which a CNN counts as one that has learned nothing, with ten classes.
    static let degenerateAccuracy: Float = 0.12

    let parts: [Part]
    /// The same predictions of networks whose ReLU channels are rescaled, where asked for.
    let rescaled: Part?

    /// - Parameters:
    ///   - predictions: for each of `indices` one number for each target.
    ///   - indices: networks of the corpus.
    ///   - rescaled: predictions for the same networks after rescaling; nil where not asked for.
    init(
        _ predictions: [[Float]], rescaled: [[Float]]?, of indices: [Int], in corpus: Corpus, targets: [String]
    ) {
        let columns = targets.map { corpus.column($0) ?? [] }
        func reports(_ values: [[Float]], _ keeps: (Int) -> Bool) -> [RegressionReport] {
            let places = indices.indices.filter { keeps(indices[$0]) }
            guard places.count > 1 else { return [] }
            return targets.indices.map { target in
                RegressionReport(
                    targets[target], predicted: places.map { values[$0][target] },
                    wanted: places.map { columns[target][indices[$0]] })
            }
        }
        let final = Set(corpus.finalIndices(indices))
        let hasSnapshots = final.count < indices.count
        var parts: [Part] = []
        if hasSnapshots {
            parts.append(Part(name: "all", title: "all snapshots", reports: reports(predictions) { _ in true }))
        }
        parts.append(
            Part(
                name: "final", title: hasSnapshots ? "final snapshots" : "all networks",
                reports: reports(predictions, final.contains)))
        let activations = Set(indices.map(corpus.activation)).sorted { $0.rawValue < $1.rawValue }
        if activations.count > 1 {
            for activation in activations {
                parts.append(
                    Part(
                        name: activation.rawValue, title: activation.rawValue,
                        reports: reports(predictions) { final.contains($0) && corpus.activation(of: $0) == activation }
                    ))
            }
        }
        if let place = targets.firstIndex(where: { $0.hasSuffix("accuracy") }) {
            let isDegenerate = { (index: Int) in columns[place][index] <= Self.degenerateAccuracy }
            parts.append(
                Part(
                    name: "degenerate", title: "accuracy at most \(Self.degenerateAccuracy)",
                    reports: reports(predictions) { final.contains($0) && isDegenerate($0) }))
            parts.append(
                Part(
                    name: "learned", title: "accuracy above \(Self.degenerateAccuracy)",
                    reports: reports(predictions) { final.contains($0) && !isDegenerate($0) }))
        }
        self.parts = parts.filter { !$0.reports.isEmpty }
        self.rescaled = rescaled.map { values in
            Part(
                name: "rescaled", title: "ReLU channels rescaled by factors from 0.1 to 10",
                reports: reports(values, final.contains))
        }
    }

    private var all: [Part] { parts + (rescaled.map { [$0] } ?? []) }

    var text: String {
        all.flatMap { part in
            part.reports.map { "\(part.title) (\($0.count)), \($0.name): \($0.text)" }
        }.joined(separator: "\n")
    }

    /// The member `regression`: an array of parts.
    func write(to writer: inout JSONWriter) {
        writer.name("regression")
        writer.array(all) { writer, part in
            writer.beginObject()
            writer.member("networks", part.name)
            writer.name("targets")
            writer.array(part.reports) { writer, report in
                writer.beginObject()
                writer.member("name", report.name)
                writer.member("count", report.count)
                writer.member("tau", Float(report.tau.value))
                writer.name("interval")
                let interval = report.tau.interval
                writer.array([interval.lowerBound, interval.upperBound]) { $0.value(Float($1)) }
                writer.member("r2", Float(report.determination))
                writer.member("mae", Float(report.meanAbsoluteError))
                writer.endObject()
            }
            writer.endObject()
        }
    }

    /// The figures for `card` in a model's `config.json`: those of the final snapshots and of the rescaled networks.
    var figures: [String: Any] {
        var figures: [String: Any] = [:]
        for part in all where part.name == "final" || part.name == "rescaled" {
            let ending = part.name == "final" ? "" : "_rescaled"
            for report in part.reports {
                let name = part.reports.count > 1 ? "_\(report.name)" : ""
                for (figure, value) in [
                    ("tau", report.tau.value), ("r2", report.determination), ("mae", report.meanAbsoluteError),
                ] { figures["test_\(figure)\(name)\(ending)"] = (value * 1e4).rounded() / 1e4 }
            }
        }
        return figures
    }
}
