import Foundation
import TestSupport
import Testing
import WeightFormats

@Suite("Kernels: what the program reports and compares")
struct KernelTests {
    @Test("the log's first line and /version name the same kernels")
    func reports() throws {
        let service = try RunningService(["--log-format", "json"])
        let version = try JSONValue.parse(service.client().get("/version").body)
        let outcome = try service.end()
        let first = try JSONValue.parse(Array(try #require(outcome.errors.split(separator: "\n").first).utf8))
        #expect(first["message"]?.string == "kernels")
        for name in ["own", "openblas", "openblas_version"] {
            let reported = try #require(version["kernels"]?[name]?.string)
            #expect(!reported.isEmpty && first[name]?.string == reported)
        }
    }

    #if arch(x86_64)
        @Test(
            "OPENBLAS_CORETYPE is respected, with a warning where the processor can do more",
            arguments: ["PRESCOTT", "nehalem"])
        func ownChoice(_ name: String) throws {
            let service = try RunningService(["--log-format", "json"], environment: ["OPENBLAS_CORETYPE": name])
            let version = try JSONValue.parse(service.client().get("/version").body)
            let outcome = try service.end()
            #expect(version["kernels"]?["openblas"]?.string?.lowercased() == name.lowercased())
            let own = version["kernels"]?["own"]?.string
            let warnings = try outcome.errors.split(separator: "\n").map { try JSONValue.parse(Array($0.utf8)) }
                .filter { $0["message"]?.string == "slow OpenBLAS kernels" }
            // Own kernels of the baseline mean a processor without AVX2.
            guard own == "AVX2" || own == "AVX-512" else { return }
            #expect(warnings.count == 1)
            #expect(warnings.first?["reason"]?.string?.contains("OPENBLAS_CORETYPE is set to \(name)") == true)
        }
    #endif

    @Test("bench compare prints the table, and exits 1 where a share fell by more than 10 %")
    func comparison() throws {
        let scratch = try Scratch()
        func file(_ name: String, _ share: Double) throws -> String {
            let line = #"{"what":"block","batch":1,"threads":2,"share_of_sgemm":\#(share)}"#
            try Data((line + "\n").utf8).write(to: URL(filePath: scratch.path(name)))
            return scratch.path(name)
        }
        let then = try file("then", 0.8)
        let same = try Program.run(["bench", "compare", then, try file("same", 0.75)])
        #expect(same.status == 0 && same.output.contains("1 compared, 0 slower") && same.errors.isEmpty)
        let slower = try Program.run(["bench", "compare", then, try file("slower", 0.7)])
        #expect(slower.status == 1 && slower.output.contains("-12.5 %  slower"))
        #expect(slower.errors.contains("1 of 1 shares of the machine's rate fell by more than 10 %"))
        let none = try Program.run(["bench", "compare", then, "/dev/null"])
        #expect(none.status == 1 && none.errors.contains("no measurement in common"))
        let bad = try Program.run(["bench", "compare", then, Sample.path("net0.npz")])
        #expect(bad.status == 1 && bad.errors.contains("net0.npz, line 1"))
    }

    @Test("bench --save writes a file that --against compares with, and exits 1 where a share fell")
    func against() throws {
        let scratch = try Scratch()
        let saved = scratch.path("saved.jsonl")
        let bench = [
            "bench", "model", "--model", "fashion-mnist", "--batch", "1", "--threads", "1", "--repeat", "1",
        ]
        let first = try Program.run(bench + ["--rate", "100", "--save", saved])
        #expect(first.status == 0, "\(first.errors)")
        #expect(first.lines.first?.hasPrefix("kernels: own ") == true)
        // The machine's rate is given, so the share falls as it rises: here to about a thousandth.
        let second = try Program.run(bench + ["--rate", "100000", "--against", saved])
        #expect(second.status == 1 && second.output.contains("slower"), "\(second.output) \(second.errors)")
        let better = try Program.run(bench + ["--rate", "0.1", "--against", saved])
        #expect(better.status == 0 && better.output.contains("1 compared, 0 slower"), "\(better.output)")
        let both = try Program.run(["bench", "model", "--json", "--against", saved])
        #expect(both.status == 2 && both.errors.contains("--save instead of --json"))
    }

    @Test("bench rates prints the core type in use, which bench measures shares against")
    func rates() throws {
        let arguments = ["bench", "rates", "--in-use", "--size", "64", "--threads", "1", "--repeat", "1", "--json"]
        let outcome = try Program.run(arguments)
        let rate = try JSONValue.parse(outcome.bytes)
        #expect(outcome.status == 0 && rate["what"]?.string == "sgemm" && rate["threads"]?.int == 1)
        #expect(rate["openblas"]?.string?.isEmpty == false && (rate["gflops"]?.double ?? 0) > 0)
    }
}
