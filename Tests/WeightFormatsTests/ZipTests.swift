import Tensors
import Testing

@testable import WeightFormats

@Suite("Zip archives")
struct ZipTests {
    private let bytes: [UInt8]
    private let plain: [UInt8]

    init() throws {
        plain = try Fixture.bytes("plain.npy")
        var archive = ZipWriter()
        try archive.add("a.npy", plain)
        try archive.add("b.npy", plain)
        bytes = try archive.finish()
    }

    /// The byte at which the directory of the two-entry archive starts.
    private var directory: Int { bytes.count - 22 - 2 * (46 + 5) }
    private let entryLength = 46 + 5
    private var end: Int { bytes.count - 22 }

    private func changed(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
        var copy = bytes
        change(&copy)
        return copy
    }

    private func codeAfter(_ change: (inout [UInt8]) -> Void) -> FormatError.Code? {
        code { _ = try WeightFile.read(changed(change)) }
    }

    @Test("The unchanged archive is read")
    func unchanged() throws {
        #expect(try WeightFile.read(bytes).stateDict().names == ["a", "b"])
    }

    @Test("Encrypted entries are refused")
    func encrypted() { #expect(codeAfter { $0[directory + 8] |= 1 } == .malformed) }

    @Test("Compression methods other than stored and deflated are refused", arguments: [1, 9, 12, 14, 93] as [UInt8])
    func methods(method: UInt8) { #expect(codeAfter { $0[directory + 10] = method } == .malformed) }

    @Test("A wrong checksum is refused")
    func checksum() {
        #expect(codeAfter { $0[directory + 16] ^= 1 } == .malformed)
        #expect(codeAfter { $0[100] ^= 1 } == .malformed)
    }

    @Test("An entry that starts inside another is refused")
    func overlap() {
        #expect(
            codeAfter { bytes in
                // The second entry of the directory now describes the first entry's bytes again.
                let (first, second) = (directory, directory + entryLength)
                bytes.replaceSubrange(second + 42..<second + 46, with: bytes[first + 42..<first + 46])
                bytes[second + 46] = UInt8(ascii: "a")
                bytes[first + 46] = UInt8(ascii: "a")
            } == .malformed)
        let nested = changed { bytes in
            // Data of the first entry claims to reach into the second.
            for offset in [20, 24] { bytes[directory + offset] = 250 }
        }
        #expect(code { _ = try WeightFile.read(nested) } == .malformed)
    }

    @Test("Two entries of one name are refused")
    func duplicateNames() { #expect(codeAfter { $0[directory + entryLength + 46] = UInt8(ascii: "a") } == .malformed) }

    @Test("A local header of another name is refused")
    func localName() { #expect(codeAfter { $0[30] = UInt8(ascii: "x") } == .malformed) }

    @Test("Sizes and offsets outside the file are refused")
    func outOfRange() {
        #expect(
            codeAfter { $0.replaceSubrange(directory + 42..<directory + 46, with: [0xff, 0xff, 0, 0]) } == .malformed)
        #expect(
            codeAfter { $0.replaceSubrange(directory + 20..<directory + 24, with: [0xff, 0xff, 0, 0]) } == .malformed)
        #expect(
            codeAfter { $0.replaceSubrange(directory + 42..<directory + 46, with: [0xff, 0xff, 0xff, 0xff]) } != nil)
        #expect(codeAfter { $0[end + 16] ^= 1 } == .malformed)
        #expect(codeAfter { $0[end + 10] = 1 } == .malformed)
        #expect(codeAfter { $0[end + 10] = 3 } == .malformed)
        #expect(codeAfter { $0[end + 4] = 1 } == .malformed)
    }

    @Test("Bytes after the archive are refused, a comment is not")
    func trailing() {
        #expect(codeAfter { $0.append(0) } == .malformed)
        #expect(
            codeAfter { bytes in
                bytes[end + 20] = 3
                bytes += "abc".utf8
            } == nil)
    }

    @Test("More entries than the limit are refused")
    func entryCount() {
        var limits = FormatLimits()
        limits.maxZipEntries = 1
        #expect(code(reading: bytes, limits: limits) == .malformed)
    }

    @Test("An entry that inflates past the ratio is refused before it is inflated")
    func ratio() throws {
        #expect(code(reading: try Fixture.bytes("bomb.npz")) == .inflatedTooLarge)
    }

    @Test("Entries that inflate past the limit together are refused")
    func total() throws {
        var limits = FormatLimits()
        limits.maxInflatedBytes = 500
        let bytes = try Fixture.bytes("deflated.npz")
        #expect(bytes.count < limits.maxInflatedBytes)
        limits.maxInflatedBytes = 410
        limits.freeInflatedBytes = 410
        limits.maxInflationRatio = 1000
        #expect(code { _ = try ZipArchive(bytes, limits: limits) } == nil)
        limits.maxInflatedBytes = 300
        #expect(code { _ = try ZipArchive(bytes, limits: limits) } == .inflatedTooLarge)
    }

    @Test("A deflated entry of another size than the directory's is refused")
    func lyingSize() throws {
        let original = try Fixture.bytes("deflated.npz")
        for change in [-1, 1] {
            var bytes = original
            let entry = try #require(
                bytes.indices.first { bytes[$0...].starts(with: [0x50, 0x4b, 0x01, 0x02]) })
            bytes[entry + 24] = UInt8(truncatingIfNeeded: Int(bytes[entry + 24]) + change)
            #expect(code(reading: bytes) == .malformed)
        }
    }

    @Test("A 64-bit end record out of range is refused")
    func wideEndRecord() throws {
        let original = try Fixture.bytes("zip64_directory.npz")
        for (offset, value) in [(8, UInt8(0xff)), (15, 0x7f), (4, 1), (0, 0)] {
            var bytes = original
            bytes[bytes.count - 22 - 20 + offset] = value
            #expect(code(reading: bytes) == .malformed, "locator byte \(offset)")
        }
        for offset in [0, 16, 24, 32, 40, 47, 48, 55] {
            var bytes = original
            bytes[bytes.count - 22 - 20 - 56 + offset] ^= 0x7f
            #expect(code(reading: bytes) == .malformed, "record byte \(offset)")
        }
    }
}
