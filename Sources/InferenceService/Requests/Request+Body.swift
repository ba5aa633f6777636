import HTTPContent
import HTTPCore
import HTTPTypes
import WeightFormats

extension Request {
    /// The body without its content coding.
    func decodedBody(_ limits: FormatLimits) throws(ServiceFault) -> [UInt8] {
        do throws(ContentError) {
            return try ContentCoding.decode(
                body, contentEncoding: head.fields[values: .contentEncoding].joined(separator: ","), limits: limits)
        } catch {
            throw ServiceFault(error)
        }
    }

    /// From the `Content-Type` field; nil where the body is no form.
    var formBoundary: Result<String?, ServiceFault> {
        Result { () throws(ContentError) in
            try head.fields[.contentType].flatMap { field throws(ContentError) in
                try Multipart.boundary(ofContentType: field)
            }
        }.mapError(ServiceFault.init)
    }

    /// The files of a form, which are its parts with a file name or named `file`, and its other parts as texts.
    func form(
        _ body: [UInt8], _ boundary: String
    ) throws(ServiceFault) -> (files: [[UInt8]], fields: [(String, String)]) {
        let parts: [FormPart]
        do throws(ContentError) {
            parts = try Multipart.parse(body, boundary: boundary)
        } catch {
            throw ServiceFault(error)
        }
        // What was left unfilled in a page is sent without content: an empty option is not given.
        let filled = parts.filter { !$0.isUnfilled }
        let files = filled.filter { $0.filename != nil || $0.name == "file" }
        guard !files.isEmpty else {
            let unfilled = parts.first { $0.filename != nil || $0.name == "file" }
            let found = unfilled.map { "; its field '\(printable($0.name))' is empty" } ?? ""
            throw .badRequest("the form has no file\(found); send at least one part named 'file'")
        }
        var fields: [(String, String)] = []
        for part in filled where part.filename == nil && part.name != "file" {
            fields.append((part.name, try Self.text(of: part)))
        }
        return (files.map(\.bytes), fields)
    }

    /// The most bytes of an option in a form.
    private static let longestOption = 8 << 10

    private static func text(of field: FormPart) throws(ServiceFault) -> String {
        guard field.bytes.count <= longestOption else {
            throw .badRequest(
                "option '\(printable(field.name))': expected at most \(longestOption) bytes, received \(field.bytes.count)"
            )
        }
        guard let text = String(validating: field.bytes, as: UTF8.self) else {
            throw .badRequest("option '\(printable(field.name))': expected text in UTF-8")
        }
        return text
    }
}
