import Foundation
import Logging
import WeightFormats

/// The format of log lines.
enum LogFormat: String, CaseIterable, Sendable {
    /// `TIME LEVEL message key=value …`
    case text
    /// A JSON object with `time`, `level`, `message` and the metadata.
    case json

    /// One event as a line with its line feed.
    func line(_ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata = [:]) -> [UInt8] {
        let fields = metadata.sorted { $0.key < $1.key }
        let time = Date().formatted(
            .iso8601.year().month().day().time(includingFractionalSeconds: true).timeZone(separator: .omitted))
        switch self {
        case .text:
            let text = fields.map { " \($0.key)=\(Self.quoted($0.value.description))" }.joined()
            return Array("\(time) \(level.rawValue.uppercased()) \(message)\(text)\n".utf8)
        case .json:
            var writer = JSONWriter()
            writer.beginObject()
            writer.member("time", time)
            writer.member("level", level.rawValue)
            writer.member("message", message)
            for (key, value) in fields {
                writer.name(key)
                writer.value(value)
            }
            writer.endObject()
            return writer.bytes + [0x0a]
        }
    }

    /// The value itself where it has no spaces, quotation marks, backslashes or equals signs; otherwise a JSON string.
    /// A line can thus be split into fields at spaces outside quotation marks.
    private static func quoted(_ text: String) -> String {
        let isWord = text.utf8.allSatisfy {
            $0 > 0x20 && $0 != 0x7f && ![UInt8(ascii: "\""), UInt8(ascii: "="), UInt8(ascii: "\\")].contains($0)
        }
        guard text.isEmpty || !isWord else { return text }
        var writer = JSONWriter()
        writer.value(text)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// The log format of `serve`, read directly from arguments and environment, so that errors in these are reported in
    /// that format; text for other commands.
    static func requested(
        arguments: [String], environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> LogFormat {
        guard arguments.contains("serve") else { return .text }
        let prefix = "--log-format="
        let values = zip(arguments, arguments.dropFirst()).compactMap { $0 == "--log-format" ? $1 : nil }
        let value = values.last ?? arguments.last { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        return LogFormat(rawValue: value ?? environment[Settings.variable("log-format")] ?? "") ?? .text
    }
}

extension JSONWriter {
    /// Integers, `Double` and `Bool` as JSON numbers and booleans, arrays and dictionaries as such, others as strings.
    fileprivate mutating func value(_ metadata: Logger.MetadataValue) {
        switch metadata {
        case .stringConvertible(let number as any FixedWidthInteger): value(Int(clamping: number))
        case .stringConvertible(let number as Double): value(number)
        case .stringConvertible(let flag as Bool): value(flag)
        case .array(let values): array(values) { $0.value($1) }
        case .dictionary(let members):
            beginObject()
            for (key, member) in members.sorted(by: { $0.key < $1.key }) {
                name(key)
                value(member)
            }
            endObject()
        case .string, .stringConvertible: value(metadata.description)
        }
    }
}

/// A log handler that writes one line for each event to standard error.
struct LineLogHandler: LogHandler {
    let format: LogFormat
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level
    var metadataProvider: Logger.MetadataProvider?

    init(format: LogFormat, level: Logger.Level) {
        self.format = format
        logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        LogSink.standardError.write(format.line(event.level, event.message.description, all))
    }
}

/// A number as metadata of a log line; in JSON it is a number, not a string.
func logged(_ number: Int) -> Logger.MetadataValue { .stringConvertible(number) }
