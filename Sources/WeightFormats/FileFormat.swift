/// The file formats of weights.
package enum FileFormat: String, Sendable, CaseIterable {
    case safetensors
    case npz
    case npy
    /// PyTorch's format since version 1.6: a zip archive of a pickle and raw storages.
    case torch
    case json
    /// Python's `pickle.dump`.
    case pickle

    /// Recognises the format by the content.
    /// - Throws: `unknown_format` with what the content is, where that can be told, and how to convert it;
    ///   `legacy_torch_format` for files of PyTorch before 1.6; `malformed` or `inflated_too_large` for a zip archive
    ///   that is damaged or too large.
    package static func detect(
        _ bytes: [UInt8], limits: FormatLimits = FormatLimits()
    ) throws(FormatError) -> FileFormat {
        if isArchive(bytes) { return try ArchiveContent(ZipArchive(bytes, limits: limits)).format }
        if bytes.starts(with: Magic.emptyZip) { throw FormatError(.malformed, "the zip archive is empty") }
        if let format = recognise(bytes[...]) { return format }
        if isLegacyTorch(bytes[...]) { throw legacyTorch }
        throw ForeignFormat.error(bytes[...])
    }

    /// The error of content that is recognised, but not read; nil for other content.
    static func refusal(_ bytes: ArraySlice<UInt8>) -> FormatError? {
        if isLegacyTorch(bytes) { return legacyTorch }
        return ForeignFormat.describeWeights(bytes).map { FormatError(.unknownFormat, $0) }
    }

    private static let legacyTorch = FormatError(
        .legacyTorchFormat,
        "a file of torch.save before PyTorch 1.6, or with _use_new_zipfile_serialization=False; re-save it: "
            + "torch.save(torch.load(path), path)")

    /// Whether the content is a zip archive, whose entries may inflate to much more than its size.
    package static func isArchive(_ bytes: [UInt8]) -> Bool { isArchive(bytes[...]) }

    static func isArchive(_ bytes: ArraySlice<UInt8>) -> Bool { bytes.starts(with: Magic.zip) }

    /// The format of content that is no archive; nil if it is none of these.
    static func recognise(_ bytes: ArraySlice<UInt8>) -> FileFormat? {
        if bytes.starts(with: Magic.npy) { return .npy }
        if isSafetensors(bytes) { return .safetensors }
        if isJSON(bytes) { return .json }
        return isPickle(bytes) && !isLegacyTorch(bytes) ? .pickle : nil
    }

    private enum Magic {
        static let zip: [UInt8] = [0x50, 0x4b, 0x03, 0x04]
        static let emptyZip: [UInt8] = [0x50, 0x4b, 0x05, 0x06]
        static let npy: [UInt8] = [0x93] + "NUMPY".utf8
        static let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]
        /// The number with which old files of PyTorch begin, 0x1950a86a20f9469cfc6c, in a pickle of protocol 2 to 5 and
        /// of protocol 0 or 1.
        static let legacyTorch: [UInt8] = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]
        static let legacyTorchText = Array("L119547037146038801333356L\n".utf8)
        /// Names of the first entry in the tar archives of PyTorch before 0.1.10.
        static let tarEntries = ["sys_info", "pickle", "storages", "tensors"]
    }

    /// Whether the content is a header length below 4 GiB and then a JSON object. JSON text contains no zero bytes.
    private static func isSafetensors(_ bytes: ArraySlice<UInt8>) -> Bool {
        let bytes = bytes.prefix(9)
        return bytes.count == 9 && bytes.last == UInt8(ascii: "{")
            && bytes.dropFirst(4).prefix(4).allSatisfy { $0 == 0 }
    }

    private static func isJSON(_ bytes: ArraySlice<UInt8>) -> Bool {
        let text = bytes.dropFirst(bytes.starts(with: Magic.byteOrderMark) ? 3 : 0)
        guard let start = text.firstIndex(where: { !isSpace($0) }) else { return false }
        // A zero byte follows in UTF-16.
        let isUTF8 = start + 1 == text.endIndex || text[start + 1] != 0
        return isUTF8 && (text[start] == UInt8(ascii: "{") || text[start] == UInt8(ascii: "["))
    }

    /// Whether the content begins with the protocol number of a pickle; protocols 0 and 1 have none.
    private static func isPickle(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first else { return false }
        if first == 0x80 { return bytes.count > 2 && bytes[bytes.startIndex + 1] <= 5 }
        return "(])}c".utf8.contains(first) && isUnnumberedPickle(bytes)
    }

    /// Whether the content is a pickle by its last opcode, and by being read as one up to its end, to a symbol or opcode
    /// that is not on the list, or to a limit.
    private static func isUnnumberedPickle(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard bytes.last(where: { !isSpace($0) }) == UInt8(ascii: ".") else { return false }
        do throws(FormatError) {
            _ = try PickleMachine.run(bytes, name: "the pickle", place: .file, limits: FormatLimits())
            return true
        } catch {
            return error.code == .unsafePickle && beginsWithSymbol(bytes) || error.code == .inflatedTooLarge
        }
    }

    /// Whether the content is no symbol at its start, or one of two names, as other text that begins with a `c` is not.
    private static func beginsWithSymbol(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard bytes.first == UInt8(ascii: "c") else { return true }
        let lines = bytes.dropFirst().prefix(256).split(separator: UInt8(ascii: "\n"), maxSplits: 2)
        return lines.count == 3
            && lines.prefix(2).allSatisfy { line in
                line.allSatisfy { byte in
                    UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
                        || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
                        || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
                }
            }
    }

    /// Whether the content is a file of PyTorch before 1.6, by its number or, before 0.1.10, the names in its archive.
    static func isLegacyTorch(_ bytes: ArraySlice<UInt8>) -> Bool {
        let start = bytes.prefix(32)
        if start.starts(with: Magic.legacyTorchText) { return true }
        if start.first == 0x80, start.indices.contains(where: { start[$0...].starts(with: Magic.legacyTorch) }) {
            return true
        }
        return ForeignFormat.isTar(bytes) && Magic.tarEntries.contains { bytes.starts(with: $0.utf8) }
    }
}
