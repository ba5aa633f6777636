import HTTPCore
import ModelStore
import WeightFormats

/// The service as the administration socket shows it: nothing is refused for want of a key.
package struct AdminHandler: RequestHandler {
    private let service: ServiceHandler

    package init(_ service: ServiceHandler) { self.service = service }

    package func admit(_ head: RequestHead, id: String, peer: String) -> Admission {
        service.admit(head, id: id, client: .administrator)
    }

    package func response(
        to error: HTTPError, head: RequestHead?, id: String, context: (any RequestContext)?
    ) -> Response {
        service.response(to: error, head: head, id: id, context: context)
    }

    package func finished(_ record: AccessRecord) { service.finished(record) }
}

/// What became of a reload.
package struct ReloadReport: Sendable, Equatable {
    /// Served from now on.
    package var models: [ModelIdentity]
    /// What could not be read, for which what was served before stays.
    package var failures: [String]

    package init(models: [ModelIdentity], failures: [String]) {
        self.models = models
        self.failures = failures
    }
}

extension ServiceHandler {
    static func answer(_ report: ReloadReport) -> Response {
        Response.json { writer in
            writer.beginObject()
            writer.name("models")
            writer.array(report.models) { writer, model in
                writer.beginObject()
                writer.identity(model)
                writer.endObject()
            }
            writer.name("failures")
            writer.array(report.failures) { writer, failure in writer.value(failure) }
            writer.endObject()
        }
    }
}
