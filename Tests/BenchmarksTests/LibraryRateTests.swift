import Benchmarks
import Host
import Testing

@Suite("Rates of OpenBLAS's core types")
struct LibraryRateTests {
    private let inUse = LibraryRate(coreType: "Prescott", rate: 50e9, threads: 2)

    @Test("the fastest is first, and those far from it are not measured at the large size")
    func order() {
        let speeds: [OpenBLASCoreType: Double] = [.skylakeX: 200e9, .haswell: 150e9, .zen: 130e9, .nehalem: 60e9]
        var large: [OpenBLASCoreType] = []
        let rates = LibraryRateSearch.rates(inUse: inUse, candidates: [.zen, .skylakeX, .haswell, .nehalem]) {
            request in
            #expect(request.threads == 2)
            if request.size == 2048 { large.append(request.coreType) }
            return LibraryRate(coreType: request.coreType.rawValue, rate: speeds[request.coreType] ?? 0, threads: 2)
        }
        #expect(rates.map(\.coreType) == ["SkylakeX", "Haswell", "Zen", "Prescott"])
        #expect(large == [.zen, .skylakeX, .haswell])
    }

    @Test("a core type for which the library takes another counts once, one whose process fails not at all")
    func aliasesAndFailures() {
        let rates = LibraryRateSearch.rates(inUse: inUse, candidates: [.cooperlake, .skylakeX, .zen]) { request in
            request.coreType == .zen ? nil : LibraryRate(coreType: "SkylakeX", rate: 100e9, threads: 2)
        }
        #expect(rates.map(\.coreType) == ["SkylakeX", "Prescott"])
    }

    @Test("the core type in use is measured once, and alone where no process can be started")
    func inUseOnly() {
        var asked: [LibraryRateSearch.Request] = []
        let rates = LibraryRateSearch.rates(inUse: inUse, candidates: [.prescott]) { request in
            asked.append(request)
            return LibraryRate(coreType: "Prescott", rate: 49e9, threads: 2)
        }
        #expect(rates == [inUse] && asked.allSatisfy { $0.size == 512 })
        #expect(LibraryRateSearch.rates(inUse: inUse, candidates: [.zen]) { _ in nil } == [inUse])
    }

    @Test("a rate is read from the line that it is written to")
    func json() {
        #expect(LibraryRate(json: Array(inUse.json.utf8)) == inUse)
        #expect(LibraryRate(json: Array("{}".utf8)) == nil)
    }
}
