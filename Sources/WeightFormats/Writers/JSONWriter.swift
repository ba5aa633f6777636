import Tensors

/// Writes JSON without white space. The caller calls in the order of the text: a name before each value of an object,
/// and an end for each begin.
///
/// Floats are written as the shortest decimal that reads back as the same value. JSON has no NaN and no infinities;
/// they are written as `null` and reported in `wroteNonFinite`.
package struct JSONWriter: Sendable {
    /// The text so far, in UTF-8.
    package private(set) var bytes: [UInt8] = []
    /// Whether a number was infinite or NaN, and therefore written as `null`.
    package private(set) var wroteNonFinite = false
    private var needsComma = false

    package init(reserving capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    // MARK: Structure

    package mutating func beginObject() { open(UInt8(ascii: "{")) }
    package mutating func endObject() { close(UInt8(ascii: "}")) }
    package mutating func beginArray() { open(UInt8(ascii: "[")) }
    package mutating func endArray() { close(UInt8(ascii: "]")) }

    /// The name of an object's next member; its value must follow.
    package mutating func name(_ name: String) {
        separate()
        quote(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    // MARK: Values

    package mutating func value(_ text: String) {
        separate()
        quote(text)
    }

    package mutating func value(_ number: Int) { token(String(number)) }
    package mutating func value(_ flag: Bool) { token(flag ? "true" : "false") }
    package mutating func null() { token("null") }

    package mutating func value(_ number: Double) { decimal(number.description, isFinite: number.isFinite) }
    package mutating func value(_ number: Float) { decimal(number.description, isFinite: number.isFinite) }

    package mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let flag): self.value(flag)
        case .number(let number):
            if let whole = value.int {
                self.value(whole)
            } else {
                self.value(number)
            }
        case .string(let text): self.value(text)
        case .array(let elements): array(elements) { writer, element in writer.value(element) }
        case .object(let members):
            beginObject()
            for member in members {
                name(member.name)
                self.value(member.value)
            }
            endObject()
        }
    }

    /// The elements as nested arrays, one level for each axis; a scalar as a number.
    package mutating func value(_ tensor: Tensor) {
        if tensor.shape.isEmpty {
            for element in tensor.values { value(element) }
        } else {
            rows(tensor.values[...], shape: tensor.shape[...])
        }
    }

    /// The tensors as an object of named arrays.
    package mutating func value(_ state: StateDict) {
        beginObject()
        for entry in state.entries {
            name(entry.name)
            value(entry.tensor)
        }
        endObject()
    }

    // MARK: Members

    package mutating func member(_ name: String, _ text: String) {
        self.name(name)
        value(text)
    }

    package mutating func member(_ name: String, _ number: Int) {
        self.name(name)
        value(number)
    }

    package mutating func member(_ name: String, _ number: Double) {
        self.name(name)
        value(number)
    }

    package mutating func member(_ name: String, _ number: Float) {
        self.name(name)
        value(number)
    }

    package mutating func member(_ name: String, _ flag: Bool) {
        self.name(name)
        value(flag)
    }

    /// An array; `write` is called for each element and writes exactly one value.
    package mutating func array<Element>(
        _ elements: some Sequence<Element>, _ write: (inout JSONWriter, Element) -> Void
    ) {
        beginArray()
        for element in elements { write(&self, element) }
        endArray()
    }

    // MARK: Parts

    private mutating func rows(_ values: ArraySlice<Float>, shape: ArraySlice<Int>) {
        beginArray()
        let rest = shape.dropFirst()
        if rest.isEmpty {
            for element in values { value(element) }
        } else {
            let size = rest.reduce(1, *)
            for index in 0..<(shape.first ?? 0) {
                let start = values.startIndex + index * size
                rows(values[start..<start + size], shape: rest)
            }
        }
        endArray()
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func open(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }

    private mutating func token(_ text: String) {
        separate()
        bytes.append(contentsOf: text.utf8)
    }

    /// Writes Swift's description of a number, which is the shortest that reads back as the same value, without a final
    /// `.0`.
    private mutating func decimal(_ text: String, isFinite: Bool) {
        guard isFinite else {
            wroteNonFinite = true
            return null()
        }
        token(text)
        if bytes.last == UInt8(ascii: "0"), bytes[bytes.count - 2] == UInt8(ascii: ".") { bytes.removeLast(2) }
    }

    private mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        defer { bytes.append(UInt8(ascii: "\"")) }
        let isPlain = text.utf8.allSatisfy { byte in
            byte >= 0x20 && byte != 0x7f && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
        }
        if isPlain { return bytes.append(contentsOf: text.utf8) }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\r"): bytes.append(contentsOf: "\\r".utf8)
            case UInt8(ascii: "\t"): bytes.append(contentsOf: "\\t".utf8)
            case 0..<0x20, 0x7f: bytes.append(contentsOf: "\\u00\(hexadecimal(byte))".utf8)
            default: bytes.append(byte)
            }
        }
    }
}
