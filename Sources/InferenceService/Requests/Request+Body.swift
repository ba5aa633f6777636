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
}
