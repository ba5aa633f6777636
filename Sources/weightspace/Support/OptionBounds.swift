import ArgumentParser

/// Checks a number of the command line.
/// - Throws: `ValidationError`, which names the option and the bounds, where `value` is outside of them.
func checkBounds(_ option: String, _ value: Int, _ bounds: ClosedRange<Int>) throws {
    guard bounds.contains(value) else {
        throw ValidationError("\(option): expected \(bounds.lowerBound) to \(bounds.upperBound), received \(value)")
    }
}

/// Checks a quantity of the command line.
/// - Throws: `ValidationError` where `value` is not a finite number above zero.
func checkPositive(_ option: String, _ value: some BinaryFloatingPoint) throws {
    guard value > 0, value.isFinite else {
        throw ValidationError("\(option): expected a number above 0, received \(value)")
    }
}
