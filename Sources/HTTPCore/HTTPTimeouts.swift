/// How long the server waits for a client.
package struct HTTPTimeouts: Sendable, Equatable {
    /// From the first byte of a head to its last, and from the opening of a connection to its first byte.
    package var header: Duration = .seconds(10)
    /// From the end of a head to the end of its body.
    package var body: Duration = .seconds(30)
    /// The minimum average rate of a body; zero for none.
    package var minimumBodyBytesPerSecond = 1024
    /// Time before the rate of a body is checked.
    package var bodyRateGrace: Duration = .seconds(5)
    /// Without progress in sending.
    package var writeStall: Duration = .seconds(30)
    /// The same while memory is short.
    package var writeStallWhenShort: Duration = .seconds(2)
    /// Between two requests.
    package var idle: Duration = .seconds(75)
    /// Without a byte from the client, after the server has shut down its sending side.
    package var lingerQuiet: Duration = .seconds(2)
    /// In total, after the server has shut down its sending side.
    package var lingerTotal: Duration = .seconds(30)
    /// How long a connection without any request stays open while the server drains: its first request may be on the
    /// way.
    package var newConnectionGrace: Duration = .seconds(5)

    package init() {}

    /// The shortest timeout, which bounds the period of `tick`.
    package var shortest: Duration {
        [header, body, writeStall, idle, lingerQuiet, lingerTotal].min() ?? header
    }
}
