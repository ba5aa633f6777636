import ArgumentParser
import CorpusImport
import Datasets
import Foundation
import Host
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
        abstract:
            "Lists the arrays of files with shapes and statistics, and the SIREN convention; or what a corpus holds.",
        discussion: """
            Arrays that form no network are listed too; the reason why is printed on standard error. Of a folder, which is \
            taken for a corpus, the shapes, notations, classes, columns, splits, duplicates and the statistics of the arrays \
            are printed.
            """)

    @Argument(
        help: "Files of weights in any of the upload formats, or folders that are corpora; '-' is standard input.")
    var files: [String]

    @OptionGroup var reading: ReadingOptions

    @Flag(help: "Print one JSON object per set of arrays.")
    var json = false

    @Option(
        help:
            "Write a picture of a corpus: FILE.svg with the histograms of its arrays and some of its INRs drawn, or FILE.png with the INRs alone."
    )
    var picture: String?

    func validate() throws {
        guard let picture else { return }
        guard picture.hasSuffix(".svg") || picture.hasSuffix(".png") else {
            throw ValidationError("--picture: expected a name that ends with .svg or .png, received '\(picture)'")
        }
        guard files.count == 1 else { throw ValidationError("--picture: expected one corpus, received \(files.count)") }
    }

    func run() throws {
        var failures = 0
        for path in files {
            if try inspectCorpus(path) { continue }
            do throws(UploadError) {
                let upload = try UploadFile.upload(path)
                for (name, result) in InspectedArrays.all(in: upload, reading) {
                    let place = name.map { "\(path)[\($0)]" } ?? path
                    switch result {
                    case .failure(let fault): complain(place, fault, &failures)
                    case .success(let arrays):
                        print(json ? arrays.json(place) : arrays.table(place))
                        if let fault = arrays.fault { complain(place, fault, &failures) }
                    }
                }
            } catch {
                complain(path, error, &failures)
            }
        }
        if failures > 0 { throw ExitCode(1) }
    }

    /// Prints what a folder's corpus holds; false for a file.
    private func inspectCorpus(_ path: String) throws -> Bool {
        guard Folder.exists(at: path) else {
            guard picture == nil else {
                throw CommandFailure("--picture: expected the folder of a corpus, received '\(path)'")
            }
            return false
        }
        let summary = try CorpusSummary(CorpusFolder(path), readsPictures: picture != nil)
        print(json ? summary.json : summary.text)
        if let picture {
            let pictures = CorpusPictures(summary)
            try OutputFile.write(
                picture.hasSuffix(".png") ? try pictures.sheet() : Array(pictures.svg.utf8), to: picture)
        }
        return true
    }

    private func complain(_ place: String, _ fault: UploadError, _ failures: inout Int) {
        failures += 1
        Terminal.complain("\(place): \(fault)")
    }
}

/// One set of named arrays, and the networks that they form, if any.
private struct InspectedArrays {
    private let format: String
    private let statistics: [ArrayStatistics]
    private let networks: [NetworkWeights]
    /// Names of the arrays that belong to no layer.
    private let ignored: [String]
    /// How the first network is read.
    private let notation: NotationReading?
    /// Why the arrays form no network; nil where they do.
    let fault: UploadError?

    /// The arrays of a file's networks, each with its key or number in a batch; those of the whole file where it is a
    /// stack, or no network.
    static func all(
        in upload: Upload, _ reading: ReadingOptions
    ) -> [(name: String?, result: Result<InspectedArrays, UploadError>)] {
        let arrays = upload.arrays
        let uploaded: UploadedNetworks
        do throws(UploadError) {
            uploaded = try UploadedNetworks(
                upload, reading.search(readsFunctions: true), flatSpec: UploadFile.flatSpec(),
                limit: .max)
        } catch {
            guard !arrays.isEmpty else { return [(nil, .failure(error))] }
            return [(nil, .success(InspectedArrays(upload.format, arrays, fault: error)))]
        }
        let networks = uploaded.networks.map { $0.map(\.weights) }
        if uploaded.isStack {
            let read = networks.compactMap { try? $0.get() }
            let fault = networks.lazy.compactMap(\.failure).first
            return [
                (nil, .success(InspectedArrays(upload.format, arrays, read, uploaded.ignored, fault: fault)))
            ]
        }
        return uploaded.networks.enumerated().map { index, network in
            let name = uploaded.names[index] ?? (uploaded.networks.count > 1 ? String(index) : nil)
            let result = network.map { network in
                InspectedArrays(
                    upload.format, network.weights.stateDict.entries + network.context.arrays, [network.weights],
                    uploaded.ignored, network.context, isOrdered: true)
            }
            return (name, result)
        }
    }

    private init(
        _ format: String, _ arrays: [NamedTensor], _ networks: [NetworkWeights] = [], _ ignored: [String] = [],
        _ context: NetworkContext = NetworkContext(), isOrdered: Bool = false, fault: UploadError? = nil
    ) {
        notation = networks.first.map { NotationDetector.read($0, context: context) }
        (self.format, self.networks, self.ignored, self.fault) = (format, networks, ignored, fault)
        let sorted = isOrdered ? arrays : arrays.sorted { naturallyPrecedes($0.name, $1.name) }
        statistics = sorted.map { ArrayStatistics(name: $0.name, tensor: $0.tensor) }
    }

    func table(_ place: String) -> String {
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
        if let notation { lines.append("  notation: \(notation.name) (\(notation.summary))") }
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

    func json(_ place: String) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("file", place)
        writer.member("format", format)
        writer.member("networks", networks.count)
        if let spec = networks.first?.spec {
            writer.member("sizes", spec.summary)
            writer.member("parameters", spec.parameterCount)
        }
        if let notation { writer.reading(notation) }
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

extension Result {
    fileprivate var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}
