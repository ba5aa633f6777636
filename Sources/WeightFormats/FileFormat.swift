/// The file formats of weights.
package enum FileFormat: String, Sendable, CaseIterable {
    case safetensors
    case npz
    case npy
    /// PyTorch's format since version 1.6: a zip archive of a pickle and raw storages.
    case torch
    case json

    /// Recognises the format by the content.
    /// - Throws: `unknown_format` with the first bytes; `legacy_torch_format` for files of PyTorch before 1.6;
    ///   `malformed` or `inflated_too_large` for a zip archive that is damaged or too large.
    package static func detect(
        _ bytes: [UInt8], limits: FormatLimits = FormatLimits()
    ) throws(FormatError) -> FileFormat {
        if isArchive(bytes) {
            return try detect(ZipArchive(bytes, limits: limits))
        }
        if bytes.starts(with: Magic.emptyZip) { throw FormatError(.malformed, "the zip archive is empty") }
        if bytes.starts(with: Magic.npy) { return .npy }
        if isSafetensors(bytes) { return .safetensors }
        if isJSON(bytes) { return .json }
        if isLegacyTorch(bytes) {
            throw FormatError(
                .legacyTorchFormat,
                "a bare pickle, as PyTorch wrote before version 1.6; re-save it with torch >= 1.6: "
                    + "torch.save(torch.load(path), path), without _use_new_zipfile_serialization=False")
        }
        throw unknown(bytes)
    }

    /// Whether the content is a zip archive, whose entries may inflate to much more than its size.
    package static func isArchive(_ bytes: [UInt8]) -> Bool { bytes.starts(with: Magic.zip) }

    /// Distinguishes the archives of PyTorch and NumPy by the names of their entries.
    static func detect(_ archive: ZipArchive) throws(FormatError) -> FileFormat {
        let names = archive.entries.map(\.name)
        if names.contains(where: { $0 == "data.pkl" || $0.hasSuffix("/data.pkl") }) {
            guard !names.contains(where: { $0 == "constants.pkl" || $0.hasSuffix("/constants.pkl") }) else {
                throw FormatError(
                    .unsafePickle, "a TorchScript archive, which holds code; save the state_dict of the module instead")
            }
            return .torch
        }
        if !names.isEmpty, names.allSatisfy({ $0.hasSuffix(".npy") }) { return .npz }
        let listed = names.prefix(4).map(quoted).joined(separator: ", ")
        throw FormatError(
            .unknownFormat,
            "a zip archive of \(names.count) entries (\(listed)…) "
                + "that is neither PyTorch (*/data.pkl) nor NumPy (*.npy)"
        )
    }

    private enum Magic {
        static let zip: [UInt8] = [0x50, 0x4b, 0x03, 0x04]
        static let emptyZip: [UInt8] = [0x50, 0x4b, 0x05, 0x06]
        static let npy: [UInt8] = [0x93] + "NUMPY".utf8
        static let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]
        /// Names of the first entry in the tar archives of PyTorch before 0.1.10.
        static let tarEntries = ["sys_info", "pickle", "storages", "tensors"]
    }

    /// Whether the content is a header length below 4 GiB and then a JSON object. JSON text contains no zero bytes.
    private static func isSafetensors(_ bytes: [UInt8]) -> Bool {
        bytes.count > 8 && bytes[8] == UInt8(ascii: "{") && bytes[4..<8].allSatisfy { $0 == 0 }
    }

    private static func isJSON(_ bytes: [UInt8]) -> Bool {
        let text = bytes.dropFirst(bytes.starts(with: Magic.byteOrderMark) ? 3 : 0)
        guard let first = text.first(where: { !isSpace($0) }) else { return false }
        return first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
    }

    private static func isLegacyTorch(_ bytes: [UInt8]) -> Bool {
        if bytes.count > 2, bytes[0] == 0x80, bytes[1] <= 5 { return true }
        let isTar = bytes.count > 262 && bytes[257..<262].elementsEqual("ustar".utf8)
        return isTar && Magic.tarEntries.contains { bytes.starts(with: $0.utf8) }
    }

    private static func unknown(_ bytes: [UInt8]) -> FormatError {
        guard !bytes.isEmpty else { return FormatError(.unknownFormat, "the file is empty") }
        let start = bytes.prefix(8).map(hexadecimal).joined(separator: " ")
        return FormatError(
            .unknownFormat,
            "the file starts with \(start); accepted: safetensors, PyTorch zip (.pt, .pth), .npz, .npy and JSON")
    }
}
