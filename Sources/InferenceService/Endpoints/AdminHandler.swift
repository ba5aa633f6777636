import HTTPCore
import HTTPTypes
import ModelStore
import Models
import WeightFormats

/// The service on the administration socket: its clients may request everything without a key.
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

/// The result of a reload.
package struct ReloadReport: Sendable, Equatable {
    /// The models that are served from now on.
    package var models: [ModelIdentity]
    /// One line for every folder or file that could not be loaded; what was served from it before still is.
    package var failures: [String]

    package init(models: [ModelIdentity], failures: [String]) {
        self.models = models
        self.failures = failures
    }
}

extension ServiceHandler {
    /// The report as JSON, with status 500 where something could not be loaded.
    static func answer(_ report: ReloadReport) -> Response {
        var response = Response.json { writer in
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
        if !report.failures.isEmpty { response.status = .internalServerError }
        return response
    }
}
