import ArgumentParser

/// Checks a number of the command line.
/// - Throws: `ValidationError`, which names the option and the bounds, where `value` is outside of them.
func checkBounds(_ option: String, _ value: Int, _ bounds: ClosedRange<Int>) throws {
    guard bounds.contains(value) else {
        throw ValidationError("\(option): expected \(bounds.lowerBound) to \(bounds.upperBound), received \(value)")
    }
}
