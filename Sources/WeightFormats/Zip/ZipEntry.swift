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

    /// The part of the name after the last slash.
    var fileName: Substring { name[(name.lastIndex(of: "/").map { name.index(after: $0) } ?? name.startIndex)...] }

    /// Whether this is a folder, or a file that systems add on their own.
    var isSystemFile: Bool {
        let file = fileName
        return file.isEmpty || file.hasPrefix("._") || file == ".DS_Store" || file == "Thumbs.db"
            || file == "desktop.ini" || name.hasPrefix("__MACOSX/") || name.contains("/__MACOSX/")
    }
}

enum ZipSignature {
    static let localHeader: UInt32 = 0x0403_4b50
    static let centralHeader: UInt32 = 0x0201_4b50
    static let end: UInt32 = 0x0605_4b50
    static let end64: UInt32 = 0x0606_4b50
    static let end64Locator: UInt32 = 0x0706_4b50
}
