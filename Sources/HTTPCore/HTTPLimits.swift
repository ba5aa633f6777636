/// Limits on what clients can make the server hold or do. Each is enforced before memory is allocated.
package struct HTTPLimits: Sendable, Equatable {
    /// Bytes of the request line without its line end; beyond it the answer is 414.
    package var maxRequestLineBytes = 8192
    /// Bytes of a method; no registered method is longer than 17.
    package var maxMethodBytes = 32
    /// Bytes of all field lines together, line ends included; beyond it the answer is 431.
    package var maxHeaderBytes = 65_536
    /// Field lines of one head; far below the 65,534 at which `HTTPFields` traps.
    package var maxFields = 100
    /// Empty lines tolerated before a request line (RFC 9112 section 2.2).
    package var maxLeadingBlankLines = 2
    /// Bytes of one body after chunked decoding; beyond it the answer is 413.
    package var maxBodyBytes = 16 * 1024 * 1024
    /// Bytes of chunk extensions over one whole body.
    package var maxChunkExtensionBytes = 16_384
    /// Non-empty chunks of one body.
    package var maxChunks = 65_536
    /// Bytes of the trailer section, which is read and dropped.
    package var maxTrailerBytes = 8192
    /// Requests of one connection that may be unanswered, or answered and unsent, at a time.
    package var maxPipelined = 16
    /// Bytes of bodies and answers that one connection may hold before its next request is read.
    package var maxPipelinedBytes = 1024 * 1024
    /// Bytes of the bodies of unanswered requests and of unsent answers, over all connections. Above it memory is
    /// short: large bodies are refused, large answers are replaced by errors, and clients that do not read are
    /// disconnected sooner.
    package var maxHeldBytes = 512 * 1024 * 1024
    /// The size up to which bodies and answers are accepted while memory is short.
    package var maxBodyBytesWhenShort = 64 * 1024
    /// Requests after which a connection is closed.
    package var maxRequestsPerConnection = 10_000
    /// A refused request's body up to this length is read and dropped to keep the connection; a longer one closes it.
    package var maxDiscardedBytes = 256 * 1024
    /// Bytes read and dropped while a closed connection lingers.
    package var maxLingerBytes = 64 * 1024 * 1024

    package init() {}
}
