/// Compares names with runs of digits by their value, so that `net.2.bias` comes before `net.10.bias`.
///
/// Layers are ordered by it, since the order of tensors in a file need not be that of the layers: safetensors writers,
/// for example, sort names by code unit.
/// - Returns: whether `left` sorts strictly before `right`; names that differ only in leading zeros are sorted by
///   length.
package func naturallyPrecedes(_ left: String, _ right: String) -> Bool {
    let a = Array(left.utf8)
    let b = Array(right.utf8)
    var i = 0
    var j = 0
    while i < a.count, j < b.count {
        if isDigit(a[i]), isDigit(b[j]) {
            let (aDigits, aEnd) = significantDigits(a, from: i)
            let (bDigits, bEnd) = significantDigits(b, from: j)
            if aDigits.count != bDigits.count { return aDigits.count < bDigits.count }
            if !aDigits.elementsEqual(bDigits) { return aDigits.lexicographicallyPrecedes(bDigits) }
            i = aEnd
            j = bEnd
        } else if a[i] != b[j] {
            return a[i] < b[j]
        } else {
            i += 1
            j += 1
        }
    }
    let restOfA = a.count - i
    let restOfB = b.count - j
    return restOfA != restOfB ? restOfA < restOfB : a.count < b.count
}

private func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

private func significantDigits(_ bytes: [UInt8], from start: Int) -> (digits: ArraySlice<UInt8>, end: Int) {
    var end = start
    while end < bytes.count, isDigit(bytes[end]) { end += 1 }
    var first = start
    while first < end - 1, bytes[first] == 0x30 { first += 1 }
    return (bytes[first..<end], end)
}
