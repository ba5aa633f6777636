/// The caller's hold on a submitted request.
package struct BatchTicket: Sendable {
    private let withdraw: @Sendable () -> Bool

    init(withdraw: @escaping @Sendable () -> Bool) { self.withdraw = withdraw }

    /// Withdraws the request if it still waits: its place and bytes are free at once and its completion receives
    /// `BatchError.cancelled`. One that is being computed or is done stays as it is.
    /// - Returns: whether the request was withdrawn by this call.
    @discardableResult package func cancel() -> Bool { withdraw() }
}
