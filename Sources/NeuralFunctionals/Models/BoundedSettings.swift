/// Bounds of what a configuration may ask for: far above any model, far below what overflows or exhausts an address
/// space, so that a damaged or hostile file gets a message and not a trap.
package enum SettingBounds {
    /// Channels, widths, heads, latents, classes: whatever counts something and cannot be none.
    package static let extent = 1...8192
    /// Layers and blocks, of which there may be none.
    package static let depth = 0...256
    /// Neurons of a layer.
    package static let neurons = 1...65536
    /// Pixels of a kernel's side.
    package static let kernel = 1...32
}

extension KeyedDecodingContainer {
    /// A whole number of `bounds`; the error names the member.
    package func decode(_ key: Key, in bounds: ClosedRange<Int>) throws -> Int {
        let number = try decode(Int.self, forKey: key)
        guard bounds.contains(number) else {
            throw DecodingError.dataCorruptedError(
                forKey: key, in: self,
                debugDescription: "expected \(bounds.lowerBound) to \(bounds.upperBound), received \(number)")
        }
        return number
    }

    /// A whole number of `bounds`, or nil where the member is missing or null.
    package func decodeIfPresent(_ key: Key, in bounds: ClosedRange<Int>) throws -> Int? {
        guard contains(key), try !decodeNil(forKey: key) else { return nil }
        return try decode(key, in: bounds)
    }
}
