/// One file of a zip archive, as the central directory describes it.
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
    /// Where the local header starts.
    var headerOffset: Int
    /// Where the data lies; set once the local header was read.
    var data: Range<Int> = 0..<0
}

enum ZipSignature {
    static let localHeader: UInt32 = 0x0403_4b50
    static let centralHeader: UInt32 = 0x0201_4b50
    static let end: UInt32 = 0x0605_4b50
    static let end64: UInt32 = 0x0606_4b50
    static let end64Locator: UInt32 = 0x0706_4b50
}
