import Foundation
import Logging
import WeightFormats

/// How log lines look.
enum LogFormat: String, CaseIterable, Sendable {
    case text
    case json
}

/// Writes one line an event to standard error, as text or as a JSON object.
struct LineLogHandler: LogHandler {
    let format: LogFormat
    let label: String
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info
    var metadataProvider: Logger.MetadataProvider?

    init(format: LogFormat, label: String, level: Logger.Level) {
        self.format = format
        self.label = label
        logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }.sorted { $0.key < $1.key }
        let time = Date().formatted(
            .iso8601.year().month().day().time(includingFractionalSeconds: true).timeZone(separator: .omitted))
        let line: [UInt8]
        switch format {
        case .text:
            let fields = all.map { " \($0.key)=\($0.value)" }.joined()
            line = Array("\(time) \(event.level.rawValue.uppercased()) \(event.message)\(fields)\n".utf8)
        case .json:
            var writer = JSONWriter()
            writer.beginObject()
            writer.member("time", time)
            writer.member("level", event.level.rawValue)
            writer.member("message", event.message.description)
            for (key, value) in all { writer.member(key, value.description) }
            writer.endObject()
            line = writer.bytes + [0x0a]
        }
        LogSink.standardError.write(line)
    }
}
