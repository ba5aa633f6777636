import ArgumentParser
import Engine
import Verification
import WeightFormats

/// `weightspace verify FILE…`
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Recomputes the outputs of reference files and compares them.",
        discussion: """
            A reference file is a safetensors file with the parameters, an input and the outputs of one layer or model, \
            as PyTorch computed them. The error of a value is |difference| / max(1, |reference|).
            """)

    @Argument(help: "Reference files.")
    var files: [String]

    @OptionGroup var threads: ThreadOption

    @Flag(help: "Print one JSON object per output.")
    var json = false

    func run() throws {
        var settings = Settings()
        let pool = WorkerPool(threads: try threads.resolve(&settings))
        var progress = ProgressBar(total: files.count, unit: "files")
        var failures = 0
        var largest: (error: Float, name: String) = (0, "")
        for (index, path) in files.enumerated() {
            do {
                let contents = try WeightFile.read(try UploadFile.bytes(path), limits: .checkpoint).stateDict()
                let file = try GoldenFile(contents)
                let comparisons = try Verification.run(file, pool: pool)
                progress.clear()
                if !comparisons.allSatisfy(\.agrees) { failures += 1 }
                for comparison in comparisons {
                    report(path, file, comparison)
                    if comparison.largestError >= largest.error { largest = (comparison.largestError, path) }
                }
            } catch {
                progress.clear()
                failures += 1
                Terminal.complain("\(path): \(reason(error))")
            }
            progress.update(index + 1)
        }
        progress.clear()
        if !json {
            let worst = largest.name.isEmpty ? "" : "; largest error \(largest.error) in \(largest.name)"
            print("\(files.count - failures) of \(files.count) files agree\(worst)")
        }
        if failures > 0 { throw ExitCode(1) }
    }

    private func report(_ path: String, _ file: GoldenFile, _ comparison: OutputComparison) {
        if json {
            var writer = JSONWriter()
            writer.beginObject()
            writer.member("file", path)
            writer.member("module", file.configuration.kind.name)
            writer.member("output", comparison.name)
            writer.member("largest_error", comparison.largestError)
            writer.member("tolerance", comparison.tolerance)
            if let floor = comparison.roundingFloor { writer.member("rounding_floor", floor) }
            writer.member("agrees", comparison.agrees)
            writer.endObject()
            return print(String(decoding: writer.bytes, as: UTF8.self))
        }
        let shape = comparison.shape.map(String.init).joined(separator: "×")
        var line = "\(path)  \(comparison.name) [\(shape)]  \(comparison.largestError)  "
        line += comparison.agrees ? "ok" : "OUT OF TOLERANCE \(comparison.allowed)"
        if let floor = comparison.roundingFloor {
            line += " (up to \(comparison.allowed) allowed: rounding the input once changes the output by \(floor))"
        }
        print(line)
    }
}
