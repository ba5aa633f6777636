/// A model cannot be built from its configuration, does not offer an output, or cannot read a network.
package struct ModelError: Error, Equatable, CustomStringConvertible {
    /// What was expected and what was received, as one sentence.
    package let reason: String

    /// An error with this sentence as its description.
    package init(_ reason: String) { self.reason = reason }

    package var description: String { reason }
}
