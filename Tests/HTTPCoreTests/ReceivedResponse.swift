/// A response as a client reads it, independent of the serializer.
struct ReceivedResponse: Equatable {
    var version: String
    var status: Int
    var fields: [(name: String, value: String)]
    var body: [UInt8]

    func values(_ name: String) -> [String] {
        fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    func value(_ name: String) -> String? { values(name).first }

    var text: String { String(decoding: body, as: UTF8.self) }

    static func == (lhs: ReceivedResponse, rhs: ReceivedResponse) -> Bool {
        lhs.version == rhs.version && lhs.status == rhs.status && lhs.body == rhs.body
            && lhs.fields.elementsEqual(rhs.fields) { $0 == $1 }
    }

    enum ParseError: Error { case malformed(String), incomplete }

    /// All responses in `bytes`, interim ones included. `heads` tells which final responses, counted from 0,
    /// answer HEAD and so have no body.
    static func parse(_ bytes: [UInt8], heads: Set<Int> = []) throws -> [ReceivedResponse] {
        var responses: [ReceivedResponse] = []
        var rest = bytes[...]
        var finals = 0
        while !rest.isEmpty {
            var response = try parseHead(&rest)
            if response.status >= 200 {
                let length = response.value("Content-Length").flatMap { Int($0) } ?? 0
                if !heads.contains(finals) {
                    guard rest.count >= length else { throw ParseError.incomplete }
                    response.body = Array(rest.prefix(length))
                    rest = rest.dropFirst(length)
                }
                finals += 1
            }
            responses.append(response)
        }
        return responses
    }

    private static func parseHead(_ rest: inout ArraySlice<UInt8>) throws -> ReceivedResponse {
        var lines: [String] = []
        while true {
            guard let end = rest.firstIndex(of: 0x0A) else { throw ParseError.incomplete }
            let line = rest[..<end]
            guard line.last == 0x0D else { throw ParseError.malformed("bare LF") }
            rest = rest[(end + 1)...]
            if line.count == 1 { break }
            lines.append(String(decoding: line.dropLast(), as: UTF8.self))
        }
        guard let first = lines.first else { throw ParseError.malformed("no status line") }
        let parts = first.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let status = Int(parts[1]) else { throw ParseError.malformed(first) }
        let fields = try lines.dropFirst().map { line in
            guard let colon = line.firstIndex(of: ":") else { throw ParseError.malformed(line) }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            return (name: String(line[..<colon]), value: String(value))
        }
        return ReceivedResponse(version: String(parts[0]), status: status, fields: fields, body: [])
    }
}
