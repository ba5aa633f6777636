import HTTPCore
import HTTPTypes
import WeightFormats

extension Response {
    /// 200 with a JSON document, which ends in a line feed.
    static func json(_ write: (inout JSONWriter) -> Void) -> Response {
        var writer = JSONWriter()
        write(&writer)
        return Response(.ok, contentType: "application/json", body: writer.bytes + [0x0a])
    }
}
