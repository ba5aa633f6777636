/// The central directory's description of one file in a zip archive.
struct ZipEntry: Equatable {
    enum Method: UInt16 {
        case stored = 0
        case deflated = 8
    }

    var name: String
    var method: Method
    var crc: UInt32
    var compressedSize: Int
    var size: Int
    /// The position of the local header.
    var headerOffset: Int
    /// The range of the data; empty until the local header has been read.
    var data: Range<Int> = 0..<0

    /// A name in UTF-8, or else in an older code of one byte a character, of which only ASCII is certain.
    static func name(_ bytes: ArraySlice<UInt8>) -> String {
        if let name = String(validating: bytes, as: UTF8.self) { return name }
        var name = ""
        for byte in bytes { name.unicodeScalars.append(Unicode.Scalar(byte)) }
        return name
    }

    /// The part of the name after the last slash, as UTF-8.
    var fileName: Substring.UTF8View {
        let bytes = name.utf8
        return bytes[(bytes.lastIndex(of: UInt8(ascii: "/")).map { bytes.index(after: $0) } ?? bytes.startIndex)...]
    }

    /// Whether the part of the name after the last slash is this.
    func isNamed(_ name: StaticString) -> Bool { fileName.elementsEqual(name.description.utf8) }

    func hasSuffix(_ suffix: StaticString) -> Bool {
        fileName.suffix(suffix.utf8CodeUnitCount).elementsEqual(suffix.description.utf8)
    }

    /// Whether this is a folder, or a file that systems add on their own.
    var isSystemFile: Bool {
        let file = fileName
        guard let first = file.first else { return true }
        switch first {
        case UInt8(ascii: "."): if file.starts(with: "._".utf8) || isNamed(".DS_Store") { return true }
        case UInt8(ascii: "T"): if isNamed("Thumbs.db") { return true }
        case UInt8(ascii: "d"): if isNamed("desktop.ini") { return true }
        default: break
        }
        let folder = "__MACOSX/".utf8
        return name.utf8.first == folder.first && name.utf8.starts(with: folder) || name.hasPrefix("./__MACOSX/")
    }
}

enum ZipSignature {
    static let localHeader: UInt32 = 0x0403_4b50
    static let centralHeader: UInt32 = 0x0201_4b50
    static let end: UInt32 = 0x0605_4b50
    static let end64: UInt32 = 0x0606_4b50
    static let end64Locator: UInt32 = 0x0706_4b50
}
