import Dispatch
import Engine
import Foundation
import Glibc
import Host
import WeightFormats

/// The rate of OpenBLAS's products of two square matrices under one core type.
package struct LibraryRate: Sendable, Equatable {
    /// The core type as OpenBLAS reports it.
    package let coreType: String
    /// Floating-point operations a second, a multiply-add counted as 2.
    package let rate: Double
    package let threads: Int

    /// - Parameter rate: in floating-point operations a second.
    package init(coreType: String, rate: Double, threads: Int) {
        self.coreType = coreType
        self.rate = rate
        self.threads = threads
    }

    /// In this process, under the core type in use.
    package static func inUse(size: Int = 2048, threads: Int, repeats: Int = 8) -> LibraryRate {
        LibraryRate(
            coreType: OpenBLASKernels.inUse,
            rate: MachineRate.products(size: size, threads: threads, repeats: repeats), threads: threads)
    }

    /// One line of JSON: `{"what":"sgemm","openblas":"Haswell","gflops":…,"threads":…}`
    package var json: String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("what", "sgemm")
        writer.member("openblas", coreType)
        writer.member("gflops", Float(rate / 1e9))
        writer.member("threads", threads)
        writer.endObject()
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// Reads what `json` writes.
    package init?(json: [UInt8]) {
        guard let value = try? JSONValue.parse(json), let type = value["openblas"]?.string,
            let gflops = value["gflops"]?.double, let threads = value["threads"]?.int
        else { return nil }
        self.init(coreType: type, rate: gflops * 1e9, threads: threads)
    }
}

/// Which core type of the installed OpenBLAS is fastest on this machine, so that shares of the machine's rate do not
/// depend on which one OpenBLAS has chosen.
package struct LibraryRateSearch {
    /// What a process is asked to measure: `repeats` products of two `size` × `size` matrices.
    package struct Request: Sendable, Equatable {
        package let coreType: OpenBLASCoreType
        package let size: Int
        package let threads: Int
        package let repeats: Int
    }

    /// Core types that are slower than this share of the fastest one at the small size are not measured at the large one.
    private static let share = 0.6

    /// The rates at 2048 × 2048, the fastest first; always that of the core type in use.
    ///
    /// First products of 512 × 512 under every candidate, then of 2048 × 2048 under those that come near the fastest:
    /// about 4 seconds in all on two cores; `measureInProcess` takes at most 6 seconds each. Core types that the library
    /// lacks, for which it takes another, count once.
    /// - Parameters:
    ///   - inUse: the rate under the core type in use.
    ///   - candidates: core types that the processor runs.
    ///   - measure: in another process; nil where that failed.
    package static func rates(
        inUse: LibraryRate, candidates: [OpenBLASCoreType], measure: (Request) -> LibraryRate?
    ) -> [LibraryRate] {
        let threads = inUse.threads
        var quick: [(type: OpenBLASCoreType, rate: Double)] = []
        var seen: Set<String> = []
        for type in candidates {
            guard let found = measure(Request(coreType: type, size: 512, threads: threads, repeats: 4)),
                seen.insert(found.coreType).inserted
            else { continue }
            quick.append((type, found.rate))
        }
        let fastest = quick.map(\.rate).max() ?? 0
        var rates = [inUse]
        for (type, rate) in quick where rate >= share * fastest && type != OpenBLASCoreType(name: inUse.coreType) {
            if let found = measure(Request(coreType: type, size: 2048, threads: threads, repeats: 4)) {
                rates.append(found)
            }
        }
        return rates.sorted { $0.rate > $1.rate }
    }

    /// Measures in a process of this program: `weightspace bench rates --in-use`, which OpenBLAS serves with the core type.
    /// - Returns: nil where it does not end in `seconds`, when it is killed, or fails.
    package static func measureInProcess(_ request: Request, within seconds: Int = 6) -> LibraryRate? {
        guard let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") else {
            return nil
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = [
            "bench", "rates", "--in-use", "--json", "--size", "\(request.size)", "--threads", "\(request.threads)",
            "--repeat", "\(request.repeats)",
        ]
        var environment = ProcessInfo.processInfo.environment
        environment[OpenBLASKernels.variable] = request.coreType.rawValue.uppercased()
        process.environment = environment
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        guard (try? process.run()) != nil else { return nil }
        guard ended.wait(timeout: .now() + .seconds(seconds)) == .success else {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            return nil
        }
        // A line is shorter than a pipe's buffer.
        let line = try? output.fileHandleForReading.readToEnd()
        return process.terminationStatus == 0 ? line.flatMap { LibraryRate(json: [UInt8]($0)) } : nil
    }
}
