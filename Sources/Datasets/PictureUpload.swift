import Tensors
import WeightFormats

/// The pictures of one file that a client sends: a PNG, PGM or PPM picture, a `.npy` array, or JSON rows. The file may be
/// compressed with gzip.
///
/// An array has the shape (height, width), (height, width, 1 or 3), (n, height, width) or (n, height, width, channels).
/// Integers are from 0 to 255, floats from −1 to 1; numbers of JSON are integers where all of them are whole and none is
/// negative. A JSON document is such an array, or an object that holds one as `picture` or `pictures`.
package struct PictureUpload: Sendable {
    /// The pictures, all of one size.
    package let pictures: PictureSet
    /// `png`, `pnm`, `npy` or `json`.
    package let format: String
    /// The other members of a JSON object.
    package let options: [String: JSONValue]

    /// - Parameters:
    ///   - limits: on the bytes of the file, before and after inflation.
    ///   - maxSide: the most rows and columns.
    ///   - maxValues: the most numbers of an array.
    /// - Throws: where the content is of another format, is not as its format demands, or is too large.
    package init(_ file: [UInt8], limits: FormatLimits, maxSide: Int, maxValues: Int) throws(FormatError) {
        let bytes = file.starts(with: [0x1f, 0x8b]) ? try CompressedStream.gzip.decode(file, limits: limits) : file
        var options: [String: JSONValue] = [:]
        if PNGReader.matches(bytes) {
            format = "png"
            pictures = try PictureSet(png: bytes, maxSide: maxSide)
        } else if PNMFile.matches(bytes) {
            format = "pnm"
            do throws(DatasetError) {
                pictures = try PictureSet(pnm: bytes)
            } catch {
                throw FormatError(.malformed, error.description)
            }
        } else if bytes.starts(with: [0x93] + "NUMPY".utf8) {
            format = "npy"
            let entry = try WeightFile.read(bytes, limits: limits).stateDict().entries.first
            guard let entry else { throw FormatError(.malformed, "expected an array") }
            guard entry.tensor.count <= maxValues else {
                throw FormatError(
                    .inflatedTooLarge, "expected at most \(maxValues) numbers, received \(entry.tensor.count)")
            }
            pictures = try PictureSet.stack(
                Self.stacked(entry.tensor), holdsBytes: !entry.elementType.isFloatingPoint)
        } else if let first = bytes.first(where: { $0 > 0x20 }), [UInt8(ascii: "["), UInt8(ascii: "{")].contains(first)
        {
            format = "json"
            let array = try Self.document(bytes, limits, maxValues, &options)
            pictures = try PictureSet.stack(
                Self.stacked(Tensor(shape: array.shape, values: array.values)),
                holdsBytes: array.values.allSatisfy { $0 >= 0 && $0 == $0.rounded() })
        } else {
            let received =
                if bytes.isEmpty {
                    "the content is empty"
                } else if FileFormat.isArchive(bytes) {
                    "the content is a zip archive, as PyTorch and NumPy's .npz store weights; networks of weights are for classify, encode and render"
                } else {
                    "the content begins with the bytes \(bytes.prefix(4).map(hexadecimal).joined(separator: " "))"
                }
            throw FormatError(
                .unknownFormat,
                "expected a PNG, a binary PGM or PPM picture (P5 or P6), a .npy array or JSON rows; \(received)"
            )
        }
        self.options = options
        guard max(pictures.height, pictures.width) <= maxSide else {
            throw FormatError(
                .shapeMismatch,
                "expected at most \(maxSide) rows and columns, received \(pictures.height) × \(pictures.width); make the picture smaller"
            )
        }
    }

    /// The array with an axis of pictures.
    private static func stacked(_ tensor: Tensor) throws(FormatError) -> Tensor {
        let shape = tensor.shape
        switch shape.count {
        case 2: return Tensor(shape: [1] + shape, values: tensor.values)
        case 3: return [1, 3].contains(shape[2]) ? Tensor(shape: [1] + shape, values: tensor.values) : tensor
        case 4: return tensor
        default:
            throw FormatError(
                .shapeMismatch,
                "expected (height, width), (height, width, channels), (n, height, width) or (n, height, width, channels), received the shape \(shape)"
            )
        }
    }

    /// The array of a JSON document, and the document's other members, of which arrays and objects are passed over.
    private static func document(
        _ bytes: [UInt8], _ limits: FormatLimits, _ most: Int, _ options: inout [String: JSONValue]
    ) throws(FormatError) -> NumberArray {
        var scanner = JSONScanner(bytes, limits: limits)
        guard try scanner.peek() == .object else {
            let array = try scanner.readNumberArray(maxRank: 4, maxCount: most)
            try scanner.finish()
            return array
        }
        var found: NumberArray?
        var members: [String: JSONValue] = [:]
        try scanner.readObject { name, scanner throws(FormatError) in
            if name == "picture" || name == "pictures" {
                guard found == nil else {
                    throw FormatError(.malformed, "both 'picture' and 'pictures'; expected one of them")
                }
                do throws(FormatError) {
                    found = try scanner.readNumberArray(maxRank: 4, maxCount: most)
                } catch {
                    throw error.within("member '\(name)'")
                }
                return
            }
            let kind = try scanner.peek()
            if kind == .array || kind == .object { return try scanner.skipValue() }
            members[name] = try scanner.readValue(limits: limits)
        }
        try scanner.finish()
        guard let found else {
            throw FormatError(.malformed, "expected the member 'picture', rows of pixels; the document has none")
        }
        options = members
        return found
    }
}
