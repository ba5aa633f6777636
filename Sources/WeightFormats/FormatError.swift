/// Why bytes could not be read: a code for programs and a sentence for people.
package struct FormatError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of fault. The raw values are part of the HTTP API and do not change.
    package enum Code: String, Sendable, CaseIterable {
        /// A file that breaks the rules of its format.
        case malformed
        case badJSON = "bad_json"
        /// A compressed stream that is damaged, cut short or followed by other bytes.
        case badEncoding = "bad_encoding"
        /// A file, or its tensors as float32, larger than the limit.
        case inflatedTooLarge = "inflated_too_large"
        case unknownFormat = "unknown_format"
        /// A file of PyTorch before version 1.6.
        case legacyTorchFormat = "legacy_torch_format"
        /// A pickle with anything but tensors and plain containers; none of it was executed.
        case unsafePickle = "unsafe_pickle"
        /// An element type, or an integer, that cannot be converted to float32.
        case dtype
        /// An infinity or NaN.
        case nonFinite = "non_finite"
        /// A ragged array or too many axes.
        case shapeMismatch = "shape_mismatch"
        /// More tensors than the limit allows.
        case unexpectedTensor = "unexpected_tensor"
        /// More networks in one file than the limit allows.
        case batchTooLarge = "batch_too_large"
        /// No memory for zlib, or a result too large for its format.
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

    /// The same error with `subject` in front of its detail.
    package func within(_ subject: String) -> FormatError { FormatError(code, "\(subject): \(detail)") }
}

/// A name from a file for a message: in quotes, cut after 80 characters, with invisible characters escaped.
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

/// A byte as two hexadecimal digits.
package func hexadecimal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return digits.utf8.count < 2 ? "0" + digits : digits
}
