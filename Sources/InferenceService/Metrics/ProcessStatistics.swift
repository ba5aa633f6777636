import Foundation
import Glibc

/// Figures of this process from the kernel; nil where they cannot be read.
package struct ProcessStatistics: Hashable, Sendable {
    /// User and system CPU time.
    package var cpuSeconds: Double?
    /// Resident memory.
    package var residentBytes: Double?
    /// Open file descriptors.
    package var openFiles: Double?
    /// The limit of open file descriptors; infinite where there is none.
    package var maxFiles: Double?
    /// Seconds since the Unix epoch.
    package var startTime: Double?

    /// Reads `/proc`.
    package static func current() -> ProcessStatistics {
        var statistics = ProcessStatistics(
            stat: contents("/proc/self/stat"), limits: contents("/proc/self/limits"),
            systemStat: contents("/proc/stat"), ticksPerSecond: sysconf(Int32(_SC_CLK_TCK)),
            pageSize: sysconf(Int32(_SC_PAGESIZE)))
        let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
        statistics.openFiles = files.map { Double($0.count) }
        return statistics
    }

    /// Reads the texts of `/proc/self/stat`, `/proc/self/limits` and `/proc/stat`; see proc(5).
    package init(stat: String, limits: String, systemStat: String, ticksPerSecond: Int, pageSize: Int) {
        // The second field is the program's name in parentheses, which may itself contain spaces and parentheses.
        let fields = stat.lastIndex(of: ")").map { stat[stat.index(after: $0)...].split(separator: " ") } ?? []
        func field(_ number: Int) -> Double? {
            fields.indices.contains(number - 3) ? Double(fields[number - 3]) : nil
        }
        let ticks = Double(max(1, ticksPerSecond))
        if let user = field(14), let system = field(15) { cpuSeconds = (user + system) / ticks }
        if let pages = field(24) { residentBytes = pages * Double(pageSize) }
        if let started = field(22), let boot = Self.number(after: "btime", in: systemStat) {
            startTime = boot + started / ticks
        }
        maxFiles = Self.number(after: "Max open files", in: limits)
    }

    private static func number(after label: String, in text: String) -> Double? {
        let line = text.split(separator: "\n").first { $0.hasPrefix(label + " ") }
        let word = line?.dropFirst(label.count).split(separator: " ").first
        return word == "unlimited" ? .infinity : word.flatMap { Double($0) }
    }

    private static func contents(_ path: String) -> String {
        (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    }
}

extension ProcessStatistics {
    /// The `process_*` families whose values are known.
    var rendered: String {
        let values: [(MetricFamily, Double?)] = [
            (.processCPU, cpuSeconds), (.processMemory, residentBytes), (.processOpenFiles, openFiles),
            (.processMaxFiles, maxFiles), (.processStart, startTime),
        ]
        var text = PrometheusText()
        for case (let family, let value?) in values {
            text.header(family)
            text.sample(family, labels: [], value: value)
        }
        return text.text
    }
}
