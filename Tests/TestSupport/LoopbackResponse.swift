/// A response as a client reads it.
package struct LoopbackResponse {
    package var status: Int
    package var fields: [String: String]
    package var body: [UInt8]

    package var text: String { String(decoding: body, as: UTF8.self) }

    package func value(_ name: String) -> String? { fields[name.lowercased()] }

    /// The first response in `bytes` with its length, once it is complete.
    static func parse(_ bytes: [UInt8], toHead: Bool) throws -> (LoopbackResponse, Int)? {
        let limit = min(bytes.count, 65_536)
        guard let end = (0..<max(0, limit - 3)).first(where: { bytes[$0...].starts(with: [13, 10, 13, 10]) }) else {
            return nil
        }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        guard let statusLine = lines.first, let status = Int(statusLine.dropFirst(9).prefix(3)) else {
            throw LoopbackClient.Failure.malformed(String(decoding: bytes.prefix(99), as: UTF8.self))
        }
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            let value = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
            fields[parts[0].lowercased()] = value
        }
        let length = toHead ? 0 : fields["content-length"].flatMap { Int($0) } ?? 0
        guard bytes.count - end - 4 >= length else { return nil }
        let body = Array(bytes[(end + 4)..<(end + 4 + length)])
        return (LoopbackResponse(status: status, fields: fields, body: body), end + 4 + length)
    }
}
