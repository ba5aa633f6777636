import HTTPCore
import Logging

/// Writes one line for each request.
struct AccessLog: Sendable {
    let logger: Logger

    func write(_ record: AccessRecord) {
        let level = Self.level(of: record)
        guard level >= logger.logLevel else { return }
        logger.log(level: level, "request", metadata: Self.metadata(of: record))
    }

    static func metadata(of record: AccessRecord) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "request_id": "\(record.id)", "status": .stringConvertible(record.status), "peer": "\(record.peer)",
            "bytes_in": .stringConvertible(record.bytesIn), "bytes_out": .stringConvertible(record.bytesOut),
            "duration_ms": .stringConvertible(Double(Int(record.duration / .microseconds(1))) / 1000),
        ]
        if let method = record.method { metadata["method"] = "\(method)" }
        if let path = record.path { metadata["path"] = "\(path)" }
        if let reason = record.reason { metadata["reason"] = "\(reason)" }
        guard let context = record.context as? ServiceRequestContext else { return metadata }
        if let trace = context.trace { metadata["trace_id"] = "\(trace.traceID)" }
        if let key = context.keyName { metadata["key"] = "\(key)" }
        if let answered = context.answered {
            if let model = answered.model { metadata["model"] = "\(model)" }
            metadata["networks"] = .stringConvertible(answered.networks)
        }
        return metadata
    }

    /// Probes are frequent and of little interest, so their level is debug, unless they report a stalled queue.
    /// Refusals (below 500) are normal operation.
    static func level(of record: AccessRecord) -> Logger.Level {
        if let route = record.route, Endpoint.probes.contains(route), record.reason != ServiceFault.stalled.code {
            return .debug
        }
        return record.status == 500 ? .error : record.status > 500 ? .warning : .info
    }
}
