/// Why bytes could not be read: a stable code for programs, a sentence for people.
package struct FormatError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of fault it is; the raw values are part of the wire contract.
    package enum Code: String, Sendable, CaseIterable {
        /// A file that breaks the rules of its format.
        case malformed
        case badJSON = "bad_json"
        /// A compressed stream that is broken, cut short or followed by other bytes.
        case badEncoding = "bad_encoding"
        case inflatedTooLarge = "inflated_too_large"
        case unknownFormat = "unknown_format"
        case legacyTorchFormat = "legacy_torch_format"
        /// A pickle that asks for anything beyond plain tensors; nothing of it was run.
        case unsafePickle = "unsafe_pickle"
        /// An element type that has no exact or customary float32 value.
        case dtype
        case nonFinite = "non_finite"
        /// A ragged array, too many axes, or a shape that no tensor can have.
        case shapeMismatch = "shape_mismatch"
        /// More tensors than the limit allows.
        case unexpectedTensor = "unexpected_tensor"
        /// More networks in one file than the limit allows.
        case batchTooLarge = "batch_too_large"
        /// The compressor could not get memory, or a result outgrew its format.
        case `internal` = "internal"
    }

    package let code: Code
    /// Names the tensor, member or byte offset, what was expected there and what was found.
    package let detail: String

    package init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    package var description: String { "\(code.rawValue): \(detail)" }

    /// The same fault, told as a fault of `subject`.
    package func within(_ subject: String) -> FormatError { FormatError(code, "\(subject): \(detail)") }

    /// Whether the bytes around the fault can still be read, so that only one network of a batch is lost.
    var isLocal: Bool {
        switch code {
        case .dtype, .nonFinite, .shapeMismatch, .unexpectedTensor: true
        default: false
        }
    }
}

/// A name from a file, made safe for a message: quoted, printable, at most 80 characters.
package func quoted(_ name: String) -> String {
    var text = ""
    for scalar in name.unicodeScalars.prefix(80) {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
            text += "\\u{" + String(scalar.value, radix: 16) + "}"
        default: text.unicodeScalars.append(scalar)
        }
    }
    return name.unicodeScalars.count > 80 ? "'\(text)…'" : "'\(text)'"
}

/// A byte as messages show it.
package func hexadecimal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return digits.utf8.count < 2 ? "0" + digits : digits
}
