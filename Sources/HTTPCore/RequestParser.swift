import HTTPTypes

/// Bytes to requests, incrementally (RFC 9112). Feed it with `append` and call `next` until it returns nothing.
///
/// The outcome does not depend on how the bytes were divided: the same events (with body pieces joined) or the same
/// error. After an error every further call throws it again.
package struct RequestParser: Sendable {
    /// What has been parsed.
    package enum Event: Sendable, Equatable {
        case head(RequestHead)
        /// A piece of the body, never empty.
        case body(ArraySlice<UInt8>)
        /// The request is complete, trailers included.
        case end
    }

    /// The limit for the body of the current request. It may be lowered between its head and what follows it, and is
    /// back to `HTTPLimits.maxBodyBytes` with the next head.
    package var bodyLimit: Int

    private enum State {
        case start
        case fields(RequestLine)
        case bodyStart(BodyFraming)
        case length(remaining: Int)
        case chunked(ChunkedDecoder)
        case end
        case failed(HTTPParseError)
    }

    private let limits: HTTPLimits
    private var state = State.start
    private var buffer = ByteBuffer()
    private var blankLines = 0
    private var headerBytes = 0
    private var fields = HTTPFields()

    package init(limits: HTTPLimits) {
        self.limits = limits
        bodyLimit = limits.maxBodyBytes
    }

    /// Whether the next byte begins a request.
    package var isBetweenRequests: Bool {
        if case .start = state { true } else { false }
    }

    /// Whether it is between requests and has no bytes.
    var isIdle: Bool { isBetweenRequests && buffer.isEmpty }

    /// Whether part of a head has arrived.
    package var isInsideHead: Bool {
        switch state {
        case .start: !buffer.isEmpty
        case .fields: true
        default: false
        }
    }

    /// Bytes received and not parsed yet.
    package var bufferedBytes: Int { buffer.count }

    /// Adds received bytes; after an error they are dropped.
    package mutating func append(_ bytes: ArraySlice<UInt8>) {
        if case .failed = state { return }
        buffer.append(bytes)
    }

    package mutating func append(_ bytes: [UInt8]) {
        append(bytes[...])
    }

    /// The next event; nil if more bytes are needed.
    package mutating func next() throws(HTTPParseError) -> Event? {
        do throws(HTTPParseError) {
            return try advance()
        } catch {
            state = .failed(error)
            buffer.removeAll()
            throw error
        }
    }

    private mutating func advance() throws(HTTPParseError) -> Event? {
        while true {
            switch state {
            case .start:
                guard let line = try takeRequestLine() else { return nil }
                state = .fields(line)
            case .fields(let line):
                guard try takeFields() else { return nil }
                return .head(try finishHead(line))
            case .bodyStart(let framing):
                try startBody(framing)
            case .length(let remaining):
                guard remaining > 0 else {
                    state = .end
                    continue
                }
                guard !buffer.isEmpty else { return nil }
                let piece = buffer.take(upTo: remaining)
                state = .length(remaining: remaining - piece.count)
                return .body(piece)
            case .chunked(var decoder):
                switch try decoder.next(from: &buffer, bodyLimit: bodyLimit) {
                case .data(let piece):
                    state = .chunked(decoder)
                    return .body(piece)
                case .incomplete:
                    state = .chunked(decoder)
                    return nil
                case .end: state = .end
                }
            case .end:
                state = .start
                return .end
            case .failed(let error):
                throw error
            }
        }
    }

    private mutating func takeRequestLine() throws(HTTPParseError) -> RequestLine? {
        while let first = buffer.first {
            guard first == ASCII.carriageReturn || first == ASCII.lineFeed || ASCII.isToken(first) else {
                throw .malformed("a request starts with its method")
            }
            switch try buffer.takeLine(limit: limits.maxRequestLineBytes) {
            case .incomplete: return nil
            case .tooLong(let start):
                guard start.contains(ASCII.space) else { throw .malformed("the request line has no target") }
                throw .requestLineTooLong(limit: limits.maxRequestLineBytes)
            case .complete(let line) where line.isEmpty:
                blankLines += 1
                guard blankLines <= limits.maxLeadingBlankLines else {
                    throw .malformed("empty lines where a request was expected")
                }
            case .complete(let line):
                blankLines = 0
                headerBytes = 0
                fields = HTTPFields()
                return try RequestLine(line, maxMethodBytes: limits.maxMethodBytes)
            }
        }
        return nil
    }

    /// Whether the empty line that ends the fields has arrived.
    private mutating func takeFields() throws(HTTPParseError) -> Bool {
        while true {
            switch try buffer.takeLine(limit: max(0, limits.maxHeaderBytes - headerBytes)) {
            case .incomplete: return false
            case .tooLong: throw .headerTooLarge(limit: limits.maxHeaderBytes)
            case .complete(let line):
                if line.isEmpty { return true }
                guard fields.count < min(limits.maxFields, 65_000) else {
                    throw .tooManyFields(limit: limits.maxFields)
                }
                headerBytes += line.count + 2
                guard headerBytes <= limits.maxHeaderBytes else { throw .headerTooLarge(limit: limits.maxHeaderBytes) }
                fields.append(try FieldLine.parse(line))
            }
        }
    }

    private mutating func finishHead(_ line: RequestLine) throws(HTTPParseError) -> RequestHead {
        let framing = try FramingRules.body(fields, minorVersion: line.minorVersion)
        try FramingRules.checkHost(fields, minorVersion: line.minorVersion)
        let head = RequestHead(
            method: line.method, target: line.target, minorVersion: line.minorVersion, fields: fields,
            framing: framing,
            keepAlive: FramingRules.keepAlive(fields, method: line.method, minorVersion: line.minorVersion),
            expectsContinue: try FramingRules.expectsContinue(
                fields, framing: framing, minorVersion: line.minorVersion))
        fields = HTTPFields()
        bodyLimit = limits.maxBodyBytes
        state = .bodyStart(framing)
        return head
    }

    private mutating func startBody(_ framing: BodyFraming) throws(HTTPParseError) {
        switch framing {
        case .none: state = .end
        case .length(let length):
            guard length <= bodyLimit else { throw .bodyTooLarge(limit: bodyLimit) }
            state = .length(remaining: length)
        case .chunked: state = .chunked(ChunkedDecoder(limits: limits))
        }
    }
}
