import Testing
import WeightFormats

@Suite struct FileArchiveTests {
    /// A tar archive of regular files, with a long name written as GNU does.
    private func tar(_ files: [(name: String, content: [UInt8])]) -> [UInt8] {
        func field(_ text: String, _ size: Int) -> [UInt8] {
            Array(text.utf8.prefix(size)) + [UInt8](repeating: 0, count: max(0, size - text.utf8.count))
        }
        func entry(_ name: String, _ kind: String, _ content: [UInt8]) -> [UInt8] {
            let size = String(content.count, radix: 8)
            var header = field(name, 100) + field("0000644", 8) + field("0", 8) + field("0", 8)
            header += field(String(repeating: "0", count: 11 - size.count) + size, 12) + field("0", 12)
            header += field("        ", 8) + Array(kind.utf8) + field("", 100) + field("ustar", 6) + field("00", 2)
            header += [UInt8](repeating: 0, count: 512 - header.count)
            return header + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
        }
        var bytes: [UInt8] = []
        for file in files {
            if file.name.utf8.count > 100 { bytes += entry("././@LongLink", "L", Array(file.name.utf8) + [0]) }
            bytes += entry(file.name, file.name.hasSuffix("/") ? "5" : "0", file.content)
        }
        return bytes + [UInt8](repeating: 0, count: 1024)
    }

    @Test("the files of a tar archive are listed without folders, with long names")
    func readsTar() throws {
        let long = String(repeating: "folder/", count: 30) + "net.pth"
        let bytes = tar([
            ("a/", []), ("a/1.pth", [1, 2, 3]), (long, [UInt8](repeating: 7, count: 600)), ("a/._x", [1]),
        ])
        let archive = try #require(try FileArchive(bytes, limits: FormatLimits()))
        #expect(archive.names == ["a/1.pth", long])
        #expect(try archive.read(0) == [1, 2, 3])
        #expect(try archive.read(1).count == 600)
    }

    @Test("an entry beyond the archive's end is refused")
    func refusesTruncatedTar() {
        let bytes = Array(tar([("1.pth", [UInt8](repeating: 1, count: 2000))]).prefix(1536))
        #expect(throws: FormatError.self) { try FileArchive(bytes, limits: FormatLimits()) }
    }

    @Test("archives of NumPy are one file, and other bytes no archive")
    func leavesOthers() throws {
        #expect(try FileArchive([1, 2, 3], limits: FormatLimits()) == nil)
        var zip = ZipWriter()
        try zip.add("a.npy", [1])
        try zip.add("b.npy", [1])
        #expect(try FileArchive(try zip.finish(), limits: FormatLimits()) == nil)
        var files = ZipWriter()
        try files.add("a.pth", [1])
        try files.add("b.pth", [2])
        let archive = try #require(try FileArchive(try files.finish(), limits: FormatLimits()))
        #expect(archive.names == ["a.pth", "b.pth"])
        #expect(try archive.read(1) == [2])
    }
}
