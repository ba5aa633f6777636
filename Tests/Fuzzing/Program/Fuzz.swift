import CHeap
import FuzzTargets
import Glibc

/// The target that the environment names.
private let target: FuzzTarget = {
    let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
        let known = FuzzTarget.allCases.map(\.rawValue).joined(separator: " ")
        print("set FUZZ_TARGET to one of: \(known)")
        exit(2)
    }
    // Values that are made once and kept must not count as growth.
    for _ in 0..<2 { _ = try? target.check([]) }
    atexit { print("most: \(Int(most.seconds * 1000)) ms, \(most.bytes / 1024) KiB") }
    return target
}()

/// The most that a single input has taken.
nonisolated(unsafe) private var most = (seconds: 0.0, bytes: 0)

private var processorSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Called by libFuzzer with every input. Traps, which makes the input a finding, where a property of the target does
/// not hold or the input takes more time or memory than an upload may.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let target = target
    let bytes = Array(UnsafeBufferPointer(start: data, count: count))
    heap_begin()
    let began = processorSeconds
    do {
        try target.check(bytes)
    } catch {
        fatalError("\(target.rawValue): \(error)")
    }
    let seconds = processorSeconds - began
    let growth = Int(heap_growth())
    guard seconds <= FuzzTarget.longestSeconds else { fatalError("\(target.rawValue): took \(seconds) seconds") }
    guard growth <= FuzzTarget.mostBytes else { fatalError("\(target.rawValue): took \(growth) bytes") }
    most = (max(most.seconds, seconds), max(most.bytes, growth))
    return 0
}
