import Foundation
import Networks
import Testing

@testable import SIREN

/// The contents of `Fixtures/sirens.json`, which `Fixtures/make_fixtures.py` writes.
struct SIRENFixtures: Decodable {
    struct Pair: Decodable {
        let raw: String
        let canonical: String
    }

    struct Drawing: Decodable {
        let sizes: [Int]
        let parameters: String
        let height: Int
        let width: Int
        let picture: String
        let bytes: String

        func network() throws -> NetworkWeights {
            try NetworkWeights(spec: NetworkSpec(sizes: sizes), flat: floats(parameters))
        }
    }

    let sizes: [Int]
    let networks: [Pair]
    let pictures: [Drawing]

    var spec: NetworkSpec { NetworkSpec(sizes: sizes) }

    static func load() throws -> SIRENFixtures {
        let url = try #require(Bundle.module.url(forResource: "Fixtures/sirens", withExtension: "json"))
        return try JSONDecoder().decode(SIRENFixtures.self, from: Data(contentsOf: url))
    }
}

/// Base64 of little-endian float32.
func floats(_ base64: String) throws -> [Float] {
    let bytes = try Array(#require(Data(base64Encoded: base64)))
    return stride(from: 0, to: bytes.count, by: 4).map { start in
        Float(bitPattern: bytes[start..<start + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
    }
}

/// The largest difference between two equally long lists; infinite if their lengths differ.
func largestDifference(_ left: [Float], _ right: [Float]) -> Float {
    guard left.count == right.count else { return .infinity }
    return zip(left, right).map { abs($0 - $1) }.max() ?? 0
}
