import Tensors

/// Formats that are not read, each recognised by its content and told with the line that converts it.
enum ForeignFormat {
    /// - Returns: `unknown_format` with the name of the content's format, or else its first bytes.
    static func error(_ bytes: ArraySlice<UInt8>) -> FormatError {
        guard !bytes.isEmpty else { return FormatError(.unknownFormat, "the file is empty; \(accepted)") }
        if let description = describe(bytes) { return FormatError(.unknownFormat, description) }
        let start = bytes.prefix(8).map(hexadecimal).joined(separator: " ")
        return FormatError(.unknownFormat, "the file starts with \(start); \(accepted)")
    }

    /// What is said of a picture.
    private static let picture =
        "a picture, expected the weights of a network; 'weightspace fit' and /v1/fit make a network of a picture"

    static let accepted =
        "accepted: safetensors, PyTorch (.pt, .pth), NumPy (.npz, .npy), pickles of NumPy arrays, JSON"

    /// What the content is and how to convert it; nil where that cannot be told.
    static func describe(_ bytes: ArraySlice<UInt8>) -> String? {
        describeWeights(bytes) ?? describeText(bytes) ?? describeFloats(bytes)
    }

    /// The same for formats of weights, compressed files and placeholders.
    static func describeWeights(_ bytes: ArraySlice<UInt8>) -> String? {
        for format in signatures where format.starts.contains(where: { bytes.starts(with: $0) }) {
            return format.description
        }
        return describeBinary(bytes)
    }

    /// Whether the content has the mark of a tar archive (POSIX 1003.1).
    static func isTar(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.count > 262 && bytes.dropFirst(257).starts(with: "ustar".utf8)
    }

    private struct Signature {
        let starts: [[UInt8]]
        let description: String

        init(_ starts: [[UInt8]], _ description: String) {
            self.starts = starts
            self.description = description
        }

        init(_ start: String, _ description: String) { self.init([Array(start.utf8)], description) }
    }

    private static let hdf5: [UInt8] = [0x89] + Array("HDF\r\n".utf8) + [0x1a, 0x0a]
    private static let hdf5Advice =
        "HDF5, as Keras and h5py write it; convert it: "
        + "numpy.savez(path, *model.get_weights()), or the h5py datasets as arrays"

    private static let signatures: [Signature] = [
        Signature(
            "version https://git-lfs",
            "a Git LFS pointer, which stands for the file; fetch the file itself: git lfs pull"),
        Signature(
            "MATLAB 7.3",
            "a MATLAB v7.3 file; convert it: h5py.File(path), then numpy.savez(path, **arrays)"),
        Signature(
            "MATLAB ",
            "a MATLAB file; convert it: numpy.savez(path, **{k: v for k, v in scipy.io.loadmat(path).items() "
                + "if k[0] != '_'})"),
        Signature([hdf5], hdf5Advice),
        Signature(
            "GGUF",
            "a GGUF file; convert it with the gguf package: numpy.savez(path, **{t.name: t.data for t in "
                + "gguf.GGUFReader(path).tensors})"),
        Signature([[0x28, 0xb5, 0x2f, 0xfd]], "a file compressed with zstd; decompress it: zstd -d FILE"),
        Signature([[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]], "a file compressed with xz; decompress it: xz -d FILE"),
        Signature("BZh", "a file compressed with bzip2; decompress it: bzip2 -d FILE"),
        Signature([[0x04, 0x22, 0x4d, 0x18]], "a file compressed with lz4; decompress it: lz4 -d FILE"),
        Signature([[0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]], "a 7z archive; extract it and send the file inside"),
        Signature("Rar!", "a RAR archive; extract it and send the file inside"),
        Signature(
            [[0x78, 0x01], [0x78, 0x5e], [0x78, 0x9c], [0x78, 0xda]],
            "zlib data, as joblib.dump writes it with compress; convert it: numpy.savez(path, **joblib.load(path))"),
        Signature(
            [[0xff, 0xfe], [0xfe, 0xff], [0x7b, 0], [0, 0x7b], [0x5b, 0], [0, 0x5b]],
            "text in UTF-16, expected UTF-8; convert it: iconv -f UTF-16 -t UTF-8 FILE"),
        Signature([[0x89, 0x50, 0x4e, 0x47], [0xff, 0xd8, 0xff]], picture),
        Signature("GIF8", picture),
        Signature("%PDF", "a PDF document, expected the weights of a network"),
    ]

    // MARK: Text

    private static func describeText(_ bytes: ArraySlice<UInt8>) -> String? {
        let text = bytes.drop { isSpace($0) || $0 == 0xef || $0 == 0xbb || $0 == 0xbf }
        let start = String(decoding: text.prefix(1024), as: UTF8.self).lowercased()
        if start.hasPrefix("<"), ["<!doctype html", "<html", "<head", "<body"].contains(where: start.contains) {
            return
                "an HTML page, as a server sends it in place of a file, for example to sign in; download the file again"
        }
        if start.hasPrefix("<?xml") || start.hasPrefix("<error") {
            return "an XML document, as a server sends it in place of a file; download the file again"
        }
        if isBase64(text) { return "text in base64; decode it: base64 -d FILE" }
        guard bytes.prefix(4096).allSatisfy({ $0 >= 0x20 && $0 < 0x7f || isSpace($0) }) else { return nil }
        let numbers = Set("0123456789+-.eE,;[]() \t\r\n".utf8)
        if bytes.prefix(4096).allSatisfy(numbers.contains) {
            return "a text of numbers; convert it: numpy.save(path, numpy.loadtxt(path, delimiter=','))"
        }
        return "text that is not JSON, starting with \(quoted(String(start.prefix(24)))); \(accepted)"
    }

    /// Whether the text is long enough, without spaces, of base64's alphabet, and has digits as well as letters of both
    /// cases; a quotation mark or a `data:` URL may stand before it.
    private static func isBase64(_ text: ArraySlice<UInt8>) -> Bool {
        var text = text.prefix(4096)
        if text.first == UInt8(ascii: "\"") || text.first == UInt8(ascii: "'") { text = text.dropFirst().dropLast() }
        if text.starts(with: "data:".utf8), let comma = text.firstIndex(of: UInt8(ascii: ",")) {
            text = text[(comma + 1)...]
        }
        var (letters, capitals, others, signs) = (0, 0, 0, 0)
        for byte in text {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): letters += 1
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): capitals += 1
            case UInt8(ascii: "0")...UInt8(ascii: "9"): others += 1
            case UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="), UInt8(ascii: "-"), UInt8(ascii: "_"):
                signs += 1
            case 0x0a, 0x0d, UInt8(ascii: "\""), UInt8(ascii: "'"): break
            default: return false
            }
        }
        let count = letters + capitals + others + signs
        return count >= 32 && capitals > 0 && letters + others > 0 && signs * 4 < count
    }

    // MARK: Binary

    private static func describeBinary(_ bytes: ArraySlice<UInt8>) -> String? {
        let start = Array(bytes.prefix(32))
        for offset in [512, 1024, 2048] where bytes.dropFirst(offset).starts(with: hdf5) { return hdf5Advice }
        if isTar(bytes) { return "a tar archive; extract it and send the file inside: tar -xf FILE" }
        if start.count > 2, (0x81...0x8f).contains(start[0]) || start[0] == 0xde, isMessagePackKey(start) {
            return "msgpack, as flax.serialization writes it; convert it: "
                + "pickle.dump(flax.serialization.msgpack_restore(data), file)"
        }
        if start.dropFirst(4).starts(with: "TFL3".utf8) {
            return "a TensorFlow Lite model; convert it: numpy.savez(path, *model.get_weights())"
        }
        if bytes.suffix(8).elementsEqual([0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb]) {
            return "the index of a TensorFlow checkpoint; convert it: numpy.savez(path, "
                + "**{n: tf.train.load_variable(path, n) for n, _ in tf.train.list_variables(path)})"
        }
        return describeProtobuf(start, bytes)
    }

    private static func describeFloats(_ bytes: ArraySlice<UInt8>) -> String? {
        guard isRawFloats(bytes, .float32) || isRawFloats(bytes, .float64) else { return nil }
        return
            "floats without a header, as the storage data/0 of a PyTorch archive; send the whole file that torch.save "
            + "wrote, or numpy.save(path, values)"
    }

    /// Whether a map's first key is a printable text, as msgpack writes it.
    private static func isMessagePackKey(_ start: [UInt8]) -> Bool {
        let key = start.dropFirst(start[0] == 0xde ? 3 : 1)
        guard let kind = key.first else { return false }
        let length = kind == 0xd9 ? Int(key.dropFirst().first ?? 0) : Int(kind) - 0xa0
        let text = key.dropFirst(kind == 0xd9 ? 2 : 1).prefix(max(length, 0))
        return (0xa1...0xbf).contains(kind) || kind == 0xd9
            ? !text.isEmpty && text.allSatisfy { (0x20...0x7e).contains($0) } : false
    }

    /// The models that ONNX and TensorFlow write as protocol buffers, both of which begin with a version number.
    private static func describeProtobuf(_ start: [UInt8], _ bytes: ArraySlice<UInt8>) -> String? {
        guard start.count > 4, start[0] == 0x08, (1...15).contains(start[1]) else { return nil }
        // A saved model: version 1, then a graph with its own length.
        if start[1] == 1, start[2] == 0x12,
            contains(bytes.prefix(65_536), "serve") || contains(bytes.suffix(65_536), "serve")
        {
            return "a TensorFlow SavedModel; convert it: numpy.savez(path, *model.get_weights())"
        }
        // The producer's name, its version, a domain, a model version, a text, the graph, an operator set.
        guard [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42].contains(start[2]) else { return nil }
        return "an ONNX model; convert it: numpy.savez(path, **{t.name: onnx.numpy_helper.to_array(t) for t in "
            + "onnx.load(path).graph.initializer})"
    }

    private static func contains(_ bytes: ArraySlice<UInt8>, _ text: String) -> Bool {
        let text = Array(text.utf8)
        return bytes.indices.contains { bytes[$0] == text[0] && bytes[$0...].starts(with: text) }
    }

    /// Whether the content is values as weights have them: zeros, and magnitudes from 1e-12 to 1e4.
    private static func isRawFloats(_ bytes: ArraySlice<UInt8>, _ type: ElementType) -> Bool {
        guard bytes.count >= 16, bytes.count.isMultiple(of: type.byteCount),
            let values = try? ElementDecoder.decode(bytes.prefix(4096), as: type)
        else { return false }
        return values.allSatisfy { $0 == 0 || (1e-12...1e4).contains($0.magnitude) }
    }
}
