import Foundation
import Testing

/// Bytes on a fresh connection and how a strict server answers them: a line of Fixtures/conformance.json, which
/// explains its members. Tests/System sends the same requests to a running server.
struct ConformanceCase: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    /// Of all responses in order, interim ones included.
    let statuses: [Int]
    let closes: Bool
    /// Positions among the final responses of those that answer HEAD.
    let heads: Set<Int>
    /// The body of the last response, where it is given.
    let body: String?
    /// The code in the last response's problem document, where it is given.
    let code: String?

    var testDescription: String { name }

    /// The cases for the state machine alone; empty where the table cannot be read, which a test refuses.
    static let all: [ConformanceCase] = (try? read()) ?? []

    static func read() throws -> [ConformanceCase] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/conformance.json")
        let table = try JSONDecoder().decode(Table.self, from: Data(contentsOf: file))
        return table.cases.filter { $0.only != "server" }.map(ConformanceCase.init)
    }

    private init(_ row: Table.Row) {
        name = row.name
        bytes = row.request.bytes
        statuses = row.answers.map(\.status)
        closes = row.closes ?? false
        heads = Set(row.heads ?? [])
        body = heads.isEmpty ? row.answers.last?.body : nil
        code = row.code
    }
}

/// The JSON document.
private struct Table: Decodable {
    var cases: [Row]

    struct Row: Decodable {
        var name: String
        var only: String?
        var answers: [Answer]
        var closes: Bool?
        var heads: [Int]?
        var code: String?
        var request: Part
    }

    /// What `ConnectionDriver`'s service answers.
    struct Answer: Decodable {
        var status = 200
        var body: String?

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let number = try? value.decode(Int.self) {
                status = number
                return
            }
            if let item = try? value.decode([String: String].self) {
                body = item["item"]
                return
            }
            switch try value.decode(String.self) {
            case "page", "root": body = "root"
            case "echo": body = Part.body
            case "empty": body = ""
            case "item": body = nil
            case let other:
                throw DecodingError.dataCorruptedError(in: value, debugDescription: "unknown answer '\(other)'")
            }
        }
    }

    /// A piece of a request.
    indirect enum Part: Decodable {
        case text(String)
        case sequence([Part])
        case repeated(Part, count: Int)
        case chunks(size: Int, format: String, lineEnd: String)

        static let body = String(repeating: "0123456789", count: 250)

        private enum Key: String, CodingKey {
            case `repeat`, of, chunks, size, `extension`
        }

        init(from decoder: any Decoder) throws {
            if let text = try? decoder.singleValueContainer().decode(String.self) {
                self = .text(text)
            } else if let parts = try? decoder.singleValueContainer().decode([Part].self) {
                self = .sequence(parts)
            } else {
                let members = try decoder.container(keyedBy: Key.self)
                if let count = try members.decodeIfPresent(Int.self, forKey: .repeat) {
                    self = .repeated(try members.decode(Part.self, forKey: .of), count: count)
                } else {
                    self = .chunks(
                        size: try members.decode(Int.self, forKey: .chunks),
                        format: try members.decodeIfPresent(String.self, forKey: .size) ?? "%x",
                        lineEnd: try members.decodeIfPresent(String.self, forKey: .extension) ?? "")
                }
            }
        }

        var bytes: [UInt8] {
            switch self {
            case .text(let text): Self.substituted(text).unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
            case .sequence(let parts): parts.flatMap(\.bytes)
            case .repeated(let part, let count): repeatElement(part.bytes, count: count).flatMap { $0 }
            case .chunks(let size, let format, let lineEnd):
                Self.chunks(of: Array(Self.body.utf8), size: size, format: format, lineEnd: lineEnd)
            }
        }

        private static func substituted(_ text: String) -> String {
            let values = [
                "page": "/", "post": "/echo", "item": "/items/", "body": body, "length": String(body.utf8.count),
            ]
            return values.reduce(text) { $0.replacingOccurrences(of: "${\($1.key)}", with: $1.value) }
        }

        private static func chunks(of data: [UInt8], size: Int, format: String, lineEnd: String) -> [UInt8] {
            stride(from: 0, to: data.count, by: size).flatMap { start in
                let piece = data[start..<min(start + size, data.count)]
                return Array("\(String(format: format, piece.count))\(lineEnd)\r\n".utf8) + piece + Array("\r\n".utf8)
            }
        }
    }
}

/// How the bytes reach the server.
enum Delivery: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case oneWrite = "in one write"
    case byteByByte = "byte by byte"
    case splitAtLineEnds = "split around every CR and LF"
    case afterGoodRequest = "behind a good request"

    var testDescription: String { rawValue }

    static let goodRequest = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)

    func pieces(of bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        switch self {
        case .oneWrite: [bytes[...]]
        case .byteByByte: bytes.indices.map { bytes[$0...$0] }
        case .splitAtLineEnds: Self.splitAtLineEnds(bytes)
        case .afterGoodRequest: [(Self.goodRequest + bytes)[...]]
        }
    }

    private static func splitAtLineEnds(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var start = 0
        for index in bytes.indices where bytes[index] == 0x0D || bytes[index] == 0x0A {
            if index > start { pieces.append(bytes[start..<index]) }
            pieces.append(bytes[index...index])
            start = index + 1
        }
        if start < bytes.count { pieces.append(bytes[start...]) }
        return pieces
    }
}
