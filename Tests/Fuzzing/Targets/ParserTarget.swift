import HTTPCore
import Tensors

/// The request parser: it must read the same requests however the bytes are divided.
enum ParserTarget {
    static func check(_ bytes: [UInt8]) throws -> Bool {
        var wasRead = false
        for limits in [HTTPLimits(), tight] {
            let whole = read(bytes, limits) { bytes.count }
            // The division is derived from the bytes, so that findings can be reproduced.
            var source = RandomSource(seed: bytes.reduce(1) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 })
            let pieces = read(bytes, limits) { 1 + Int(source.next() % 24) }
            try require(pieces == whole, "pieces gave \(pieces), the whole \(whole)")
            let single = read(bytes, limits) { 1 }
            try require(single == whole, "single bytes gave \(single), the whole \(whole)")
            wasRead = wasRead || (whole.ends > 0 && whole.error == nil)
        }
        return wasRead
    }

    /// Limits small enough for short inputs to reach.
    private static let tight: HTTPLimits = {
        var limits = HTTPLimits()
        limits.maxRequestLineBytes = 48
        limits.maxHeaderBytes = 128
        limits.maxFields = 5
        limits.maxBodyBytes = 64
        limits.maxChunkExtensionBytes = 16
        limits.maxChunks = 6
        limits.maxTrailerBytes = 32
        return limits
    }()

    private struct Outcome: Equatable {
        var heads: [RequestHead] = []
        var bodies: [[UInt8]] = []
        var ends = 0
        var error: HTTPParseError?
    }

    private static func read(_ bytes: [UInt8], _ limits: HTTPLimits, piece: () -> Int) -> Outcome {
        var parser = RequestParser(limits: limits)
        var outcome = Outcome()
        var rest = bytes[...]
        repeat {
            let count = max(1, piece())
            parser.append(rest.prefix(count))
            rest = rest.dropFirst(count)
            do throws(HTTPParseError) {
                while let event = try parser.next() {
                    switch event {
                    case .head(let head):
                        outcome.heads.append(head)
                        outcome.bodies.append([])
                    case .body(let piece): outcome.bodies[outcome.bodies.count - 1] += piece
                    case .end: outcome.ends += 1
                    }
                }
            } catch {
                outcome.error = error
                return outcome
            }
        } while !rest.isEmpty
        return outcome
    }
}
