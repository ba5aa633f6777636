import HTTPContent
import HTTPCore
import HTTPTypes

extension RequestHead {
    /// The types that the client accepts.
    var acceptedTypes: AcceptedTypes { AcceptedTypes(fields[values: .accept].joined(separator: ",")) }
}
