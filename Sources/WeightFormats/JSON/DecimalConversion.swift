/// Converts decimals of up to 19 digits and exponents within ±27 to the nearest double, ties to even.
///
/// Up to 2⁵³ the mantissa is an exact double, and one floating-point operation with a power of ten rounds correctly.
/// Printed float32 values have up to 18 digits, so larger mantissas are multiplied with or divided by 5ᵏ as integers:
/// since 10ᵏ is 5ᵏ 2ᵏ, 64 bits of the result and whether anything is left over decide the rounding exactly.
enum DecimalConversion {
    private static let powersOf5: [UInt64] = powers(of: 5, count: 28)
    private static let powersOf10: [Double] = powers(of: 10, count: 20).map { Double($0) } + [1e20, 1e21, 1e22]

    /// - Returns: `mantissa` × 10 to the power of `exponent`; nil if the exponent is beyond ±27.
    static func double(_ mantissa: UInt64, exponent: Int) -> Double? {
        if mantissa == 0 { return 0 }
        if mantissa <= 1 << 53, exponent >= -22, exponent <= 22 {
            // Both operands are exact, so this operation rounds correctly.
            let value = Double(mantissa)
            return exponent < 0 ? value / powersOf10[-exponent] : value * powersOf10[exponent]
        }
        guard exponent >= -27, exponent <= 27 else { return nil }
        return exponent < 0
            ? divide(mantissa, by: powersOf5[-exponent], exponent: exponent)
            : multiply(mantissa, by: powersOf5[exponent], exponent: exponent)
    }

    private static func divide(_ mantissa: UInt64, by divisor: UInt64, exponent: Int) -> Double {
        // With both operands scaled to [2⁶³, 2⁶⁴), their quotient times 2⁶³ is in (2⁶², 2⁶⁴) and fits 64 bits.
        let shift = mantissa.leadingZeroBitCount
        let divisorShift = divisor.leadingZeroBitCount
        let scaled = mantissa << UInt64(shift)
        let (quotient, remainder) = (divisor << UInt64(divisorShift)).dividingFullWidth((scaled >> 1, scaled << 63))
        return round(quotient, isExact: remainder == 0, exponent: exponent - 63 + divisorShift - shift)
    }

    private static func multiply(_ mantissa: UInt64, by factor: UInt64, exponent: Int) -> Double {
        let (high, low) = mantissa.multipliedFullWidth(by: factor)
        if high == 0 { return round(low, isExact: true, exponent: exponent) }
        let shift = UInt64(high.leadingZeroBitCount)
        let top = shift == 0 ? high : high << shift | low >> (64 - shift)
        return round(top, isExact: low << shift == 0, exponent: exponent + 64 - Int(shift))
    }

    /// The double nearest to `bits` · 2^`exponent`.
    /// - Parameter isExact: false if the number is strictly between `bits` and `bits` + 1 times that power.
    private static func round(_ bits: UInt64, isExact: Bool, exponent: Int) -> Double {
        let shift = bits.leadingZeroBitCount
        let normal = bits << UInt64(shift)
        var significand = normal >> 11
        let rest = normal & 0x7ff
        if rest > 0x400 || (rest == 0x400 && (!isExact || significand & 1 == 1)) { significand += 1 }
        // Exponents are too small in magnitude for subnormals or infinity. A carry out of the significand correctly
        // increments the exponent.
        let biased = UInt64(truncatingIfNeeded: exponent - shift + 63 + 1023)
        return Double(bitPattern: biased << 52 &+ (significand &- (1 << 52)))
    }

    private static func powers(of base: UInt64, count: Int) -> [UInt64] {
        var result: [UInt64] = [1]
        while result.count < count { result.append(result[result.count - 1] * base) }
        return result
    }
}
