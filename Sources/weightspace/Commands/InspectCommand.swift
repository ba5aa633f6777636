import ArgumentParser
import Foundation
import InferenceService
import NetworkReading
import Networks
import SIREN
import Tensors
import Uploads
import WeightFormats

/// `weightspace inspect FILE…`
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Lists the arrays of files with shapes and statistics, and the SIREN convention.",
        discussion: "Arrays that form no network are listed too; the reason why is printed on standard error.")

    @Argument(help: "Files of weights in any of the upload formats; '-' is standard input.")
    var files: [String]

    @Flag(help: "Print one JSON object per set of arrays.")
    var json = false

    func run() throws {
        var failures = 0
        for path in files {
            do throws(UploadError) {
                let upload = try UploadFile.upload(path)
                for (index, entry) in upload.entries.enumerated() {
                    let place = upload.entries.count > 1 ? "\(path)[\(index)]" : path
                    switch entry {
                    case .failure(let fault): complain(place, fault, &failures)
                    case .success(let tensors):
                        let arrays = InspectedArrays(place, upload.format, tensors)
                        print(json ? arrays.json : arrays.table)
                        if let fault = arrays.fault { complain(place, fault, &failures) }
                    }
                }
            } catch {
                complain(path, error, &failures)
            }
        }
        if failures > 0 { throw ExitCode(1) }
    }

    private func complain(_ place: String, _ fault: UploadError, _ failures: inout Int) {
        failures += 1
        Terminal.complain("\(place): \(fault)")
    }
}

/// One set of named arrays, and the networks that they form, if any.
private struct InspectedArrays {
    private let place: String
    private let format: String
    private let statistics: [ArrayStatistics]
    private let networks: [NetworkWeights]
    /// Names of the arrays that belong to no layer.
    private let ignored: [String]
    /// Why the arrays form no network; nil where they do.
    let fault: UploadError?

    init(_ place: String, _ format: String, _ tensors: StateDict) {
        self.place = place
        self.format = format
        do throws(NetworkError) {
            let reading = try NetworkReading(tensors, flatSpec: UploadFile.flatSpec())
            (networks, ignored, fault) = (reading.networks, reading.ignored, nil)
        } catch {
            (networks, ignored, fault) = ([], [], UploadError(error))
        }
        // In the order of the layers where the arrays form a network, else in natural order of the names.
        let ranks = networks.first.map { network in
            Dictionary(uniqueKeysWithValues: network.stateDict.names.enumerated().map { ($0.element, $0.offset) })
        }
        statistics = tensors.entries
            .sorted { left, right in
                let (first, second) = (ranks?[left.name] ?? .max, ranks?[right.name] ?? .max)
                return first == second ? naturallyPrecedes(left.name, right.name) : first < second
            }
            .map { ArrayStatistics(name: $0.name, tensor: $0.tensor) }
    }

    private var detection: ConventionDetection? { networks.first.map(ConventionDetector.detect) }

    var table: String {
        var lines = ["\(place): \(format)\(summary)"]
        let rows = statistics.map { array in
            [
                array.name, array.shape.map(String.init).joined(separator: " × "), number(array.min.map(Double.init)),
                number(array.max.map(Double.init)), number(array.mean), number(array.std),
                array.nonFiniteCount > 0 ? "\(array.nonFiniteCount) not finite" : "",
            ]
        }
        let table = [["array", "shape", "min", "max", "mean", "std", ""]] + rows
        let widths = (0..<7).map { column in table.map { $0[column].count }.max() ?? 0 }
        for row in table {
            let cells = zip(row, widths).map { text, width in
                text + String(repeating: " ", count: width - text.count)
            }
            lines.append("  " + cells.joined(separator: "  "))
        }
        if let detection { lines.append("  convention: \(detection.convention.rawValue) (\(detection.reason))") }
        if !ignored.isEmpty { lines.append("  ignored: \(ignored.joined(separator: ", "))") }
        return lines.joined(separator: "\n")
    }

    private var summary: String {
        guard let first = networks.first else { return ", no network" }
        let count = networks.count > 1 ? "\(networks.count) networks " : ""
        return ", \(count)\(first.spec.summary), \(first.spec.parameterCount) parameters"
    }

    private func number(_ value: Double?) -> String {
        value.map { String(($0 * 1e5).rounded() / 1e5) } ?? "-"
    }

    var json: String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("file", place)
        writer.member("format", format)
        writer.member("networks", networks.count)
        if let spec = networks.first?.spec {
            writer.member("sizes", spec.summary)
            writer.member("parameters", spec.parameterCount)
        }
        if let detection {
            writer.convention(detection)
        }
        if let fault { writer.error(code: fault.code.rawValue, detail: fault.detail) }
        writer.name("arrays")
        writer.array(statistics) { writer, array in
            writer.beginObject()
            writer.member("name", array.name)
            writer.name("shape")
            writer.array(array.shape) { writer, extent in writer.value(extent) }
            if let min = array.min { writer.member("min", min) }
            if let max = array.max { writer.member("max", max) }
            if let mean = array.mean { writer.member("mean", mean) }
            if let std = array.std { writer.member("std", std) }
            writer.member("non_finite", array.nonFiniteCount)
            writer.endObject()
        }
        writer.endObject()
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
