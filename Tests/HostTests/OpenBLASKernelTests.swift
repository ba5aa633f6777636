import Host
import Testing

@Suite("Choice of OpenBLAS's kernels")
struct OpenBLASKernelTests {
    /// Processors by what they support, from the oldest on.
    private static let sse: ProcessorFeatures = []
    private static let avx: ProcessorFeatures = .avx
    private static let avx2: ProcessorFeatures = [.avx, .avx2]
    private static let avx512: ProcessorFeatures = [.avx, .avx2, .avx512]
    private static let avx512bf16: ProcessorFeatures = [.avx, .avx2, .avx512, .bfloat16]
    private static let processors = [sse, avx, avx2, avx512, avx512bf16]

    /// For each name that OpenBLAS reports, what replaces it on each of `processors`; "" where it is left.
    private static let table: [(name: String, replacements: [String])] = {
        let sse = ["", "Sandybridge", "Haswell", "SkylakeX", "SkylakeX"]
        let avx = ["", "", "Haswell", "SkylakeX", "SkylakeX"]
        let avx2 = ["", "", "", "SkylakeX", "SkylakeX"]
        let left = ["", "", "", "", ""]
        return [
            ("Katmai", sse), ("Coppermine", sse), ("Northwood", sse), ("Prescott", sse), ("Banias", sse), ("Atom", sse),
            ("Core2", sse), ("Penryn", sse), ("Dunnington", sse), ("Nehalem", sse), ("Athlon", sse), ("Opteron", sse),
            ("Opteron_SSE3", sse), ("Opteron(SSE3)", sse), ("Barcelona", sse), ("Nano", sse), ("Bobcat", sse),
            ("Sandybridge", avx), ("Bulldozer", avx), ("Piledriver", avx), ("Steamroller", avx),
            ("Excavator", avx2), ("Haswell", avx2), ("Zen", avx2),
            ("SkylakeX", left), ("Cooperlake", left), ("SapphireRapids", left),
            // Not in OpenBLAS for x86-64 today: another architecture, a later release, no name.
            ("neoversen1", left), ("Zen9", left), ("Unknown", left), ("", left),
        ]
    }()

    @Test(
        "a weaker core type is replaced by the best for the processor, an equal, better or unknown one is left",
        arguments: table)
    func replacements(_ name: String, _ expected: [String]) {
        for (features, replacement) in zip(Self.processors, expected) {
            let spellings = [name, name.uppercased(), name.lowercased()]
            for spelling in spellings {
                #expect(
                    OpenBLASKernels.replacement(for: spelling, on: features)?.rawValue ?? "" == replacement,
                    "\(spelling) on \(features)")
            }
        }
    }

    @Test("the table has every core type")
    func completeness() {
        let names = Set(Self.table.map(\.name))
        for type in OpenBLASCoreType.allCases { #expect(names.contains(type.rawValue)) }
    }

    @Test("a replacement is not replaced again", arguments: processors)
    func stability(_ features: ProcessorFeatures) {
        for type in OpenBLASCoreType.allCases {
            guard let chosen = OpenBLASKernels.replacement(for: type.rawValue, on: features) else { continue }
            #expect(OpenBLASKernels.replacement(for: chosen.rawValue, on: features) == nil)
            #expect(OpenBLASCoreType.runnable(on: features).contains(chosen))
        }
    }

    @Test("AVX-512 without AVX2, as a virtual machine may show it, counts for nothing")
    func partialFeatures() {
        #expect(OpenBLASKernels.replacement(for: "Prescott", on: [.avx, .avx512]) == .sandybridge)
        #expect(OpenBLASKernels.replacement(for: "Prescott", on: [.avx512, .avx2]) == nil)
    }

    @Test("core types to measure are those that the processor runs")
    func runnable() {
        #expect(OpenBLASCoreType.runnable(on: Self.avx512bf16).starts(with: [.cooperlake, .skylakeX, .zen, .haswell]))
        #expect(OpenBLASCoreType.runnable(on: Self.avx512).first == .skylakeX)
        #expect(OpenBLASCoreType.runnable(on: Self.avx2).first == .zen)
        #expect(OpenBLASCoreType.runnable(on: Self.avx).first == .sandybridge)
        #expect(OpenBLASCoreType.runnable(on: Self.sse).first == .nehalem)
    }

    @Test("the installed OpenBLAS names its core type and its release")
    func installed() {
        #expect(!OpenBLASKernels.inUse.isEmpty)
        #expect(OpenBLASKernels.release.split(separator: ".").compactMap { Int($0) }.count >= 2)
    }
}
