import InferenceService
import Testing

@Suite struct ProcessStatisticsTests {
    private let limits = """
        Limit                     Soft Limit           Hard Limit           Units
        Max processes             7000                 7000                 processes
        Max open files            1024                 524288               files
        """

    @Test("fields are counted from the end of the program's name, whatever is in it", arguments: ["a", "a b) R 1 (c"])
    func statFields(name: String) {
        let numbers = (4...52).map(String.init).joined(separator: " ")
        let statistics = ProcessStatistics(
            stat: "77 (\(name)) S \(numbers)\n", limits: limits, systemStat: "cpu 1 2\nbtime 1000\nprocesses 5\n",
            ticksPerSecond: 100, pageSize: 4096)
        #expect(statistics.cpuSeconds == 0.29, "fields 14 and 15")
        #expect(statistics.residentBytes == 98_304)
        #expect(statistics.startTime == 1000.22)
        #expect(statistics.maxFiles == 1024)
    }

    @Test("an unlimited number of files is infinite")
    func unlimitedFiles() {
        let statistics = ProcessStatistics(
            stat: "", limits: "Max open files            unlimited            unlimited            files\n",
            systemStat: "", ticksPerSecond: 100, pageSize: 4096)
        #expect(statistics.maxFiles == .infinity)
    }

    @Test("what cannot be read is left out", arguments: ["", "77", "77 (a", "77 (a) S 1 2 3", ") x y z"])
    func unreadableTexts(stat: String) {
        let statistics = ProcessStatistics(
            stat: stat, limits: "nonsense", systemStat: "btime", ticksPerSecond: 0, pageSize: 0)
        #expect(statistics.cpuSeconds == nil && statistics.residentBytes == nil)
        #expect(statistics.startTime == nil && statistics.maxFiles == nil)
    }

    @Test("the figures of this process are read")
    func currentProcess() throws {
        let statistics = ProcessStatistics.current()
        #expect(try #require(statistics.cpuSeconds) > 0)
        #expect(try #require(statistics.residentBytes) > 1_000_000)
        #expect(try #require(statistics.openFiles) >= 3)
        #expect(try #require(statistics.maxFiles) >= 3)
        #expect(try #require(statistics.startTime) > 1_500_000_000)
    }
}
