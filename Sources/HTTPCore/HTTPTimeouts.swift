/// How long a connection may keep the server waiting.
package struct HTTPTimeouts: Sendable, Equatable {
    /// From the first byte of a head to its last, and from the opening of a connection to its first byte.
    package var header: Duration = .seconds(10)
    /// From the end of a head to the end of its body.
    package var body: Duration = .seconds(30)
    /// The slowest average at which a body may arrive; zero switches the rule off.
    package var minimumBodyBytesPerSecond = 1024
    /// How long a body may take before its average rate is judged.
    package var bodyRateGrace: Duration = .seconds(5)
    /// Without any progress in sending.
    package var writeStall: Duration = .seconds(30)
    /// The same while memory is short.
    package var writeStallWhenShort: Duration = .seconds(2)
    /// Between two requests.
    package var idle: Duration = .seconds(75)
    /// Without a byte from the client, once the server has closed its sending side.
    package var lingerQuiet: Duration = .seconds(2)
    /// In all, once the server has closed its sending side.
    package var lingerTotal: Duration = .seconds(30)
    /// How long a connection that has sent nothing yet is spared when the server drains: its first request
    /// may be on the way.
    package var newConnectionGrace: Duration = .seconds(5)

    package init() {}

    /// The shortest of them, which bounds how coarse a timer may be.
    package var shortest: Duration {
        [header, body, writeStall, idle, lingerQuiet, lingerTotal].min() ?? header
    }
}
