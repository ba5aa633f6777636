/// A configuration that no model can be built from, or a network that a model cannot read.
package struct ModelError: Error, Equatable, CustomStringConvertible {
    package let reason: String

    package init(_ reason: String) { self.reason = reason }

    package var description: String { reason }
}
