extension JSONScanner {
    /// The longest number in characters; the exact decimal of any double is shorter.
    private static let maxNumberLength = 1100

    /// Reads a number as the nearest double, independently of the locale; a number that is too large becomes infinite.
    package mutating func readNumber() throws(FormatError) -> Double {
        try expect(.number, found: try peek())
        return try scanNumber()
    }

    /// Reads the number at the position, which must be at its first character.
    mutating func scanNumber() throws(FormatError) -> Double {
        let start = position
        var index = position
        let end = bytes.count
        let isNegative = bytes[index] == UInt8(ascii: "-")
        if isNegative { index += 1 }

        var mantissa: UInt64 = 0
        // Digits from the first one that is not 0.
        var digits = 0
        let integerStart = index
        while index < end {
            let digit = bytes[index] &- UInt8(ascii: "0")
            if digit > 9 { break }
            mantissa = mantissa &* 10 &+ UInt64(digit)
            if digits > 0 || digit > 0 { digits += 1 }
            index += 1
        }
        guard index > integerStart else { throw malformedNumber(from: start, at: index) }
        guard bytes[integerStart] != UInt8(ascii: "0") || index == integerStart + 1 else {
            throw syntax("number with a leading zero", at: start)
        }
        var exponent = 0
        if index < end, bytes[index] == UInt8(ascii: ".") {
            index += 1
            let fractionStart = index
            while index < end {
                let digit = bytes[index] &- UInt8(ascii: "0")
                if digit > 9 { break }
                mantissa = mantissa &* 10 &+ UInt64(digit)
                if digits > 0 || digit > 0 { digits += 1 }
                index += 1
            }
            guard index > fractionStart else { throw malformedNumber(from: start, at: index) }
            exponent = fractionStart - index
        }
        if index < end, bytes[index] | 0x20 == UInt8(ascii: "e") {
            exponent += try scanExponent(&index, from: start)
        }
        guard index - start <= Self.maxNumberLength else {
            throw syntax("number of more than \(Self.maxNumberLength) characters", at: start)
        }
        position = index
        // With more than 19 digits the mantissa may have overflowed.
        let magnitude = digits <= 19 ? DecimalConversion.double(mantissa, exponent: exponent) : nil
        if let magnitude { return isNegative ? -magnitude : magnitude }
        return try convertSlowly(start..<index)
    }

    /// Reads `NaN`, `Infinity` or `-Infinity`, which Python and JavaScript's libraries write and JSON does not have, at the
    /// position; nil, and nothing is consumed, where there is another value.
    mutating func readNonFinite() -> Double? {
        skipWhitespace()
        for (text, value) in [("NaN", Double.nan), ("Infinity", .infinity), ("-Infinity", -.infinity)]
        where bytes[position...].starts(with: text.utf8) {
            position += text.utf8.count
            return value
        }
        return nil
    }

    private func scanExponent(_ index: inout Int, from start: Int) throws(FormatError) -> Int {
        index += 1
        var isNegative = false
        if index < bytes.count, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") {
            isNegative = bytes[index] == UInt8(ascii: "-")
            index += 1
        }
        let digitsStart = index
        var value = 0
        while index < bytes.count {
            let digit = bytes[index] &- UInt8(ascii: "0")
            if digit > 9 { break }
            // Beyond the range of doubles; further digits do not change the result.
            if value < 100_000 { value = value * 10 + Int(digit) }
            index += 1
        }
        guard index > digitsStart else { throw malformedNumber(from: start, at: index) }
        return isNegative ? -value : value
    }

    /// Converts a number of more than 19 digits or with a large exponent by the standard library, which rounds
    /// correctly and is independent of the locale.
    private func convertSlowly(_ range: Range<Int>) throws(FormatError) -> Double {
        guard let value = Double(String(decoding: bytes[range], as: UTF8.self)) else {
            throw syntax("malformed number", at: range.lowerBound)
        }
        return value
    }

    private func malformedNumber(from start: Int, at index: Int) -> FormatError {
        var scanner = self
        scanner.position = index
        return syntax("malformed number: expected a digit, found \(scanner.found)", at: start)
    }
}
