import CHost
import COpenBLAS
import Glibc

/// Vector instructions that processor and operating system support.
package struct ProcessorFeatures: OptionSet, Sendable, Hashable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let avx = Self(rawValue: UInt32(HOST_AVX))
    /// AVX2 together with FMA.
    package static let avx2 = Self(rawValue: UInt32(HOST_AVX2_FMA))
    /// The subsets F, CD, BW, DQ and VL of AVX-512.
    package static let avx512 = Self(rawValue: UInt32(HOST_AVX512))
    /// AVX-512's subsets BF16 and VNNI.
    package static let bfloat16 = Self(rawValue: UInt32(HOST_AVX512_BF16))

    /// Those of this machine; empty on other architectures than x86-64.
    package static let current = Self(rawValue: host_processor_features())
}

/// A set of kernels for x86-64 in OpenBLAS, by the name that `openblas_get_corename` reports and that the environment
/// variable `OPENBLAS_CORETYPE` takes.
package enum OpenBLASCoreType: String, Sendable, CaseIterable {
    case katmai = "Katmai"
    case coppermine = "Coppermine"
    case northwood = "Northwood"
    case prescott = "Prescott"
    case banias = "Banias"
    case atom = "Atom"
    case core2 = "Core2"
    case penryn = "Penryn"
    case dunnington = "Dunnington"
    case nehalem = "Nehalem"
    case athlon = "Athlon"
    case opteron = "Opteron"
    case opteronSSE3 = "Opteron_SSE3"
    case barcelona = "Barcelona"
    case nano = "Nano"
    case bobcat = "Bobcat"
    case sandybridge = "Sandybridge"
    case bulldozer = "Bulldozer"
    case piledriver = "Piledriver"
    case steamroller = "Steamroller"
    case excavator = "Excavator"
    case haswell = "Haswell"
    case zen = "Zen"
    case skylakeX = "SkylakeX"
    case cooperlake = "Cooperlake"
    case sapphireRapids = "SapphireRapids"

    /// - Parameter name: in any case of letters; releases before 0.3 write `Opteron(SSE3)`.
    package init?(name: String) {
        let name = name.lowercased() == "opteron(sse3)" ? "opteron_sse3" : name.lowercased()
        guard let type = Self.allCases.first(where: { $0.rawValue.lowercased() == name }) else { return nil }
        self = type
    }

    /// The vector instructions that products of float32 matrices use.
    enum Level: Int, Comparable {
        /// At most SSE4.2: registers of 128 bits.
        case sse
        case avx
        /// AVX2 and FMA; also the kernels for AMD's Excavator, a processor that has both.
        case avx2
        case avx512

        static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

        /// The highest one that a processor supports.
        init(_ features: ProcessorFeatures) {
            self =
                features.contains([.avx, .avx2, .avx512])
                ? .avx512 : features.contains([.avx, .avx2]) ? .avx2 : features.contains(.avx) ? .avx : .sse
        }
    }

    var level: Level {
        switch self {
        case .katmai, .coppermine, .northwood, .prescott, .banias, .atom, .core2, .penryn, .dunnington, .nehalem,
            .athlon,
            .opteron, .opteronSSE3, .barcelona, .nano, .bobcat:
            .sse
        case .sandybridge, .bulldozer, .piledriver, .steamroller: .avx
        case .excavator, .haswell, .zen: .avx2
        case .skylakeX, .cooperlake, .sapphireRapids: .avx512
        }
    }

    /// The core types that every processor with these instructions runs, the fastest first. Left out are those that use
    /// instructions of a single maker (3DNow!, FMA4) or matrix units (SapphireRapids), and those of 32-bit processors.
    package static func runnable(on features: ProcessorFeatures) -> [Self] {
        let level = Level(features)
        var types: [Self] = []
        if level >= .avx512 { types += features.contains(.bfloat16) ? [.cooperlake, .skylakeX] : [.skylakeX] }
        if level >= .avx2 { types += [.zen, .haswell] }
        if level >= .avx { types += [.sandybridge] }
        return types + [.nehalem, .barcelona, .dunnington, .penryn, .core2, .bobcat, .atom, .nano, .prescott]
    }
}

/// Which kernels OpenBLAS uses.
package enum OpenBLASKernels {
    /// The environment variable by which OpenBLAS is told what to use.
    package static let variable = "OPENBLAS_CORETYPE"

    /// The core type that OpenBLAS uses, by its name, such as "Haswell"; empty where it does not tell.
    package static let inUse = openblas_get_corename().map { String(cString: $0) } ?? ""

    /// OpenBLAS's release, such as "0.3.21"; empty where it does not tell.
    package static let release: String = {
        let words = configuration.split(separator: " ")
        return words.count > 1 && words[0] == "OpenBLAS" ? String(words[1]) : ""
    }()

    /// How the library was built: `OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH …`
    private static let configuration = openblas_get_config().map { String(cString: $0) } ?? ""

    /// What OpenBLAS should use instead of what it uses; nil where that is as good as the processor permits.
    ///
    /// A core type is replaced if its kernels need less than the processor supports: AVX where there is AVX2 with FMA, and
    /// so on. It is left where it is as good or better, or of a name that is not known: that of another architecture or of
    /// a later release. For AVX-512 it is always SkylakeX, which every release with such kernels knows by that name and
    /// whose float32 products give the same bits at the same speed as those of Cooperlake: release 0.3.21 does not accept
    /// the name Cooperlake.
    /// - Parameters:
    ///   - reported: the name that OpenBLAS reports.
    ///   - features: of the processor.
    package static func replacement(
        for reported: String, on features: ProcessorFeatures
    ) -> OpenBLASCoreType? {
        let best = OpenBLASCoreType.Level(features)
        guard let type = OpenBLASCoreType(name: reported), type.level < best else { return nil }
        return switch best {
        case .sse: nil
        case .avx: .sandybridge
        case .avx2: .haswell
        case .avx512: .skylakeX
        }
    }

    /// What would be faster than `inUse`, where the restart was not possible or `OPENBLAS_CORETYPE` was set; nil where
    /// nothing is.
    package static var better: OpenBLASCoreType? { replacement(for: inUse, on: .current) }

    /// Restarts the program with `OPENBLAS_CORETYPE` where OpenBLAS has chosen kernels that do not use what the processor
    /// can do. Must be the first thing that the program does.
    ///
    /// OpenBLAS chooses while it is loaded, before `main`: from that variable, or from the processors that its release
    /// knows. On a newer one it may take kernels for processors from before AVX. Returns where the variable is set
    /// already, where there is nothing to gain, where the library was built for one processor, or where the restart fails.
    package static func restartIfSlow() {
        guard getenv(variable) == nil, configuration.contains("DYNAMIC_ARCH"), let better else { return }
        var program = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard readlink("/proc/self/exe", &program, program.count - 1) > 0,
            setenv(variable, better.rawValue.uppercased(), 1) == 0
        else { return }
        // The arguments as the process received them: `CommandLine.arguments` repairs what is not UTF-8.
        let arguments = (0..<Int(CommandLine.argc)).map { CommandLine.unsafeArgv[$0] }
        execv(program, arguments + [nil])
        unsetenv(variable)
    }
}
