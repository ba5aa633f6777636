import Benchmarks
import Testing

@Suite("Table of shares of the machine's rate")
struct RatioTableTests {
    private func ratios(_ lines: String...) throws -> Ratios {
        try Ratios(lines: Array(lines.joined(separator: "\n").utf8))
    }

    private func line(_ what: String, _ share: Double, batch: Int = 1, threads: Int = 2) -> String {
        #"{"section":"paper","what":"\#(what)","batch":\#(batch),"threads":\#(threads),"share_of_sgemm":\#(share)}"#
    }

    @Test("a share that fell by more than a tenth of itself is a regression, one that fell by less is not")
    func regressions() throws {
        let then = try ratios(line("block", 0.8), line("gelu", 0.5), line("pool", 0.4))
        let now = try ratios(line("block", 0.719), line("gelu", 0.451), line("pool", 0.6))
        let table = RatioTable(then: then, now: now)
        #expect(table.rows.map(\.key.what) == ["block", "gelu", "pool"])
        #expect(table.regressions.map(\.key.what) == ["block"])
        #expect(abs(table.rows[0].change + 0.10125) < 1e-9)
        let lines = table.text.split(separator: "\n")
        #expect(lines.count == 5)
        #expect(lines[0] == "what    batch threads    then     now  change")
        #expect(lines[1] == "block       1       2  80.0 %  71.9 % -10.1 %  slower")
        #expect(lines[2] == "gelu        1       2  50.0 %  45.1 %  -9.8 %")
        #expect(lines[3].hasSuffix("+50.0 %"))
        #expect(lines[4] == "3 compared, 1 slower by more than 10 %")
    }

    @Test("measurements are told apart by name, batch and threads; of several the best share counts")
    func keys() throws {
        let then = try ratios(
            line("encode", 0.9), line("encode", 0.7, batch: 16), line("encode", 0.6, threads: 1), line("gone", 0.5))
        let now = try ratios(
            line("encode", 0.5), line("encode", 0.88), line("encode", 0.7, batch: 16),
            line("encode", 0.4, threads: 1), line("new", 0.5), line("new", 0.6, batch: 16))
        let table = RatioTable(then: then, now: now)
        #expect(table.rows.map(\.then) == [0.9, 0.7, 0.6] && table.rows.map(\.now) == [0.88, 0.7, 0.4])
        #expect(table.regressions.map(\.key.threads) == [1])
        #expect(table.missing == 1 && table.added == 2)
        #expect(table.text.hasSuffix(", 1 measured then only, 2 measured now only"))
    }

    @Test("lines without a share of the machine's rate are left out")
    func otherLines() throws {
        let read = try ratios(
            #"{"what":"sgemm","openblas":"Zen","gflops":200,"threads":2}"#, "", line("block", 0.8),
            #"{"what":"read npz","batch":1,"threads":1,"ms_per_inr_median":0.02}"#, "")
        #expect(read.keys.map(\.what) == ["block"])
    }

    @Test(
        "a line that is no measurement is named by its number",
        arguments: [
            "not JSON", #"{"what":"block","share_of_sgemm":0.5}"#,
            #"{"what":"block","batch":1,"threads":1,"share_of_sgemm":0}"#,
        ]
    )
    func badLines(_ bad: String) {
        #expect { try ratios(line("block", 0.8), bad) } throws: { ($0 as? Ratios.BadLine)?.number == 2 }
    }
}
