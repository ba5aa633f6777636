import HTTPCore
import HTTPTypes
import Uploads
import WeightFormats

extension Request {
    /// The networks of the body, which is a file or a form of files.
    /// - Returns: also the text fields of a form, which are options.
    func upload(_ limits: FormatLimits) throws(ServiceFault) -> (upload: Upload, fields: [(String, String)]) {
        let body = try decodedBody(limits)
        if let boundary = try formBoundary.get() {
            let (files, fields) = try form(body, boundary)
            return (Upload(files: files, byteCount: body.count, limits: limits), fields)
        }
        do throws(UploadError) {
            return (try Upload(file: body, limits: limits), [])
        } catch {
            var error = error
            if isStripped(body) {
                error.detail += "; it has lost its line ends and zero bytes, as curl's -d does: use --data-binary"
            }
            throw ServiceFault(error)
        }
    }

    /// Whether a binary file looks as if curl had sent it by `-d`, which removes line ends and zero bytes.
    private func isStripped(_ body: [UInt8]) -> Bool {
        head.fields[.contentType]?.hasPrefix("application/x-www-form-urlencoded") == true && body.count > 64
            && !body.contains { $0 == 0 || $0 == 10 || $0 == 13 } && body.contains { $0 >= 0x80 }
    }
}
