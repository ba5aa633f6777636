extension Int {
    /// The side of a square of so many cells; nil where they form none.
    package var squareSide: Int? {
        guard self >= 0 else { return nil }
        let side = Int(Double(self).squareRoot().rounded())
        return side * side == self ? side : nil
    }
}
