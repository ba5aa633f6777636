import ArgumentParser
import Foundation
import InferenceService
import Networks
import WeightFormats

/// `weightspace inspect FILE…`
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Lists a file's arrays, their shapes and statistics, and its convention.")

    @Argument(help: "Files of weights in any of the upload formats; '-' is standard input.")
    var files: [String]

    @Flag(help: "One JSON object a line for every network.")
    var json = false

    func run() throws {
        var failures = 0
        for path in files {
            let file = UploadFile(path, expecting: nil)
            for (index, network) in file.networks.enumerated() {
                switch network {
                case .failure(let fault):
                    failures += 1
                    Terminal.complain("\(path)[\(index)]: \(fault.code): \(fault.detail)")
                case .success(let network):
                    json ? printJSON(file, index, network) : printTable(file, index, network)
                }
            }
        }
        if failures > 0 { throw ExitCode(1) }
    }

    private func printTable(_ file: UploadFile, _ index: Int, _ network: NetworkWeights) {
        let place = file.networks.count > 1 ? "[\(index)]" : ""
        print(
            "\(file.path)\(place): \(file.format), \(network.spec.summary), \(network.spec.parameterCount) parameters")
        let rows = network.statistics.map { statistics in
            [
                statistics.name, statistics.shape.map(String.init).joined(separator: " × "), number(statistics.min),
                number(statistics.max), number(statistics.mean.map(Float.init)), number(statistics.std.map(Float.init)),
            ]
        }
        let table = [["array", "shape", "min", "max", "mean", "std"]] + rows
        let widths = (0..<6).map { column in table.map { $0[column].count }.max() ?? 0 }
        for row in table {
            let cells = zip(row, widths).map { text, width in
                text + String(repeating: " ", count: width - text.count)
            }
            print("  " + cells.joined(separator: "  "))
        }
        let detection = ConventionDetector.detect(network)
        print("  convention: \(detection.convention.rawValue) (\(detection.reason))")
        if !file.ignored.isEmpty { print("  ignored: \(file.ignored.joined(separator: ", "))") }
    }

    private func number(_ value: Float?) -> String {
        value.map { String((Double($0) * 1e5).rounded() / 1e5) } ?? "-"
    }

    private func printJSON(_ file: UploadFile, _ index: Int, _ network: NetworkWeights) {
        let detection = ConventionDetector.detect(network)
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("file", file.path)
        writer.member("index", index)
        writer.member("format", file.format)
        writer.member("sizes", network.spec.summary)
        writer.member("parameters", network.spec.parameterCount)
        writer.name("convention")
        writer.beginObject()
        writer.member("name", detection.convention.rawValue)
        writer.member("confident", detection.isConfident)
        writer.member("reason", detection.reason)
        writer.endObject()
        writer.name("arrays")
        writer.array(network.statistics) { writer, statistics in
            writer.beginObject()
            writer.member("name", statistics.name)
            writer.name("shape")
            writer.array(statistics.shape) { writer, extent in writer.value(extent) }
            if let min = statistics.min { writer.member("min", min) }
            if let max = statistics.max { writer.member("max", max) }
            if let mean = statistics.mean { writer.member("mean", mean) }
            if let std = statistics.std { writer.member("std", std) }
            writer.endObject()
        }
        writer.endObject()
        print(String(decoding: writer.bytes, as: UTF8.self))
    }
}
