import HTTPCore
import HTTPTypes
import Testing
import WeightFormats

/// A response as a client sees it.
struct Answer: Sendable {
    let id: String
    let response: Response

    var status: Int { Int(response.status.code) }
    var body: [UInt8] { response.body }
    var text: String { String(decoding: body, as: UTF8.self) }

    func field(_ name: String) -> String? { response.fields.value(of: name) }

    /// The body as JSON; checks the status.
    func json(_ status: Int = 200, _ location: SourceLocation = #_sourceLocation) throws -> JSONValue {
        #expect(self.status == status, "\(text.prefix(300))", sourceLocation: location)
        return try JSONValue.parse(body)
    }

    /// The answers to the networks of a request.
    func items(_ member: String = "predictions", _ location: SourceLocation = #_sourceLocation) throws -> [JSONValue] {
        try #require(try json(200, location)[member]?.array, sourceLocation: location)
    }

    /// The status and code of an error; checks that it is a complete problem document.
    func problem(_ location: SourceLocation = #_sourceLocation) throws -> Problem {
        let json = try JSONValue.parse(body)
        var names = ["type", "title", "status", "detail", "code", "request_id", "error"]
        if json["retry_after"] != nil { names.insert("retry_after", at: 6) }
        #expect(json.members?.map(\.name) == names, sourceLocation: location)
        let code = try #require(json["code"]?.string, sourceLocation: location)
        let title = try #require(json["title"]?.string, sourceLocation: location)
        let detail = try #require(json["detail"]?.string, sourceLocation: location)
        #expect(field("Content-Type") == "application/problem+json", sourceLocation: location)
        #expect(json["type"]?.string == "/problems/" + code.replacing("_", with: "-"), sourceLocation: location)
        #expect(json["status"]?.int == status, sourceLocation: location)
        #expect(json["request_id"]?.string == id, sourceLocation: location)
        #expect(json["error"]?.string == "\(title): \(detail)", sourceLocation: location)
        #expect(json["retry_after"]?.int.map(String.init) == field("Retry-After"), sourceLocation: location)
        return Problem(status: status, code: code, detail: detail)
    }
}

struct Problem {
    let status: Int
    let code: String
    let detail: String
}

extension JSONValue {
    /// All numbers at any depth, in order.
    var numbers: [Float] {
        switch self {
        case .number(let number): [Float(number)]
        case .array(let elements): elements.flatMap(\.numbers)
        default: []
        }
    }
}
