/// The files in a zip or tar archive that is read file by file, such as a folder of `.pth` files that was packed. The
/// zip archives that PyTorch and NumPy write are single files of weights and none of these.
package struct FileArchive: Sendable {
    private enum Content: Sendable {
        case zip(ZipArchive, [ZipEntry])
        case tar([UInt8], [TarEntry])
    }

    private let content: Content

    /// - Parameter bytes: the archive, not compressed as a whole.
    /// - Returns: nil where the content is neither a zip nor a tar archive of files.
    /// - Throws: where the archive is damaged or exceeds a limit.
    package init?(_ bytes: [UInt8], limits: FormatLimits) throws(FormatError) {
        if ForeignFormat.isTar(bytes[...]), !FileFormat.isLegacyTorch(bytes[...]) {
            content = .tar(bytes, try TarEntry.list(bytes))
            return
        }
        guard FileFormat.isArchive(bytes) else { return nil }
        let archive = try ZipArchive(bytes, limits: limits)
        let entries = archive.entries.filter { !$0.isSystemFile && !$0.name.hasSuffix("/") }
        let isFile = entries.contains { $0.isNamed("data.pkl") || $0.hasSuffix(".npy") }
        guard !isFile, entries.count > 1 else { return nil }
        content = .zip(archive, entries)
    }

    /// The paths of the files in the archive, in its order.
    package var names: [String] {
        switch content {
        case .zip(_, let entries): entries.map(\.name)
        case .tar(_, let entries): entries.map(\.name)
        }
    }

    /// The content of a file.
    /// - Parameter index: of its name in `names`.
    /// - Throws: where it cannot be inflated, or its checksum is wrong.
    package func read(_ index: Int) throws(FormatError) -> [UInt8] {
        switch content {
        case .zip(let archive, let entries): Array(try archive.read(entries[index]))
        case .tar(let bytes, let entries): Array(bytes[entries[index].range])
        }
    }
}

/// A file in a tar archive (POSIX 1003.1, with the long names of GNU and pax).
struct TarEntry: Sendable, Equatable {
    let name: String
    let range: Range<Int>

    private static let block = 512

    /// The files of an archive, without folders, links and devices.
    static func list(_ bytes: [UInt8]) throws(FormatError) -> [TarEntry] {
        var entries: [TarEntry] = []
        var position = 0
        var longName: String?
        while position + block <= bytes.count, bytes[position] != 0 {
            let header = bytes[position..<position + block]
            let start = position + block
            guard let size = number(field(header, 124, 12)), size <= bytes.count - start else {
                throw FormatError(.malformed, "tar: the entry at byte \(position) is longer than the archive")
            }
            let content = start..<start + size
            switch header[position + 156] {
            case UInt8(ascii: "L"):
                longName = text(bytes[content])
            case UInt8(ascii: "x"):
                longName = paxPath(bytes[content]) ?? longName
            case 0, UInt8(ascii: "0"):
                let prefix = text(field(header, 345, 155))
                let name = text(field(header, 0, 100))
                let path = longName ?? (prefix.isEmpty ? name : prefix + "/" + name)
                if !(path.split(separator: "/").last ?? "").hasPrefix(".") {
                    entries.append(TarEntry(name: path, range: content))
                }
                longName = nil
            default:
                longName = nil
            }
            position = start + (size + block - 1) / block * block
        }
        return entries
    }

    private static func field(_ header: ArraySlice<UInt8>, _ offset: Int, _ count: Int) -> ArraySlice<UInt8> {
        header[header.startIndex + offset..<header.startIndex + offset + count]
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// An octal number, or a big-endian one where the first bit is set; nil where it is neither.
    private static func number(_ bytes: ArraySlice<UInt8>) -> Int? {
        if let first = bytes.first, first & 0x80 != 0 {
            let digits = bytes.suffix(8)
            guard bytes.dropLast(8).dropFirst().allSatisfy({ $0 == 0 }), digits.first ?? 0 < 0x40 else { return nil }
            return digits.reduce(0) { $0 << 8 | Int($1) }
        }
        return Int(text(bytes).filter { $0 != " " }, radix: 8)
    }

    /// The member `path` of a pax header, lines of "length key=value".
    private static func paxPath(_ bytes: ArraySlice<UInt8>) -> String? {
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            guard let space = line.firstIndex(of: " ") else { continue }
            let member = line[line.index(after: space)...]
            if member.hasPrefix("path=") { return String(member.dropFirst(5)) }
        }
        return nil
    }
}
