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
}

enum ZipSignature {
    static let localHeader: UInt32 = 0x0403_4b50
    static let centralHeader: UInt32 = 0x0201_4b50
    static let end: UInt32 = 0x0605_4b50
    static let end64: UInt32 = 0x0606_4b50
    static let end64Locator: UInt32 = 0x0706_4b50
}
