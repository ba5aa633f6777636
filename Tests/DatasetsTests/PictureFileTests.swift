import Datasets
import Foundation
import Tensors
import Testing
import WeightFormats

@Suite struct PictureFileTests {
    /// Two pictures of 2 × 3 pixels.
    private static let idx: [UInt8] =
        [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3] + (0..<12).map { UInt8($0 * 20) }
    private static let idxLabels: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 2, 7, 3]

    private func rejection(_ bytes: [UInt8]) throws -> String {
        try withFile(bytes) { path in
            do {
                _ = try PictureSet(contentsOf: path)
                return ""
            } catch {
                return String(describing: error)
            }
        }
    }

    @Test("an IDX file gives pictures in [-1, 1], compressed or not")
    func readsIDX() throws {
        for bytes in [Self.idx, try CompressedStream.gzip.encode(Self.idx)] {
            let pictures = try withFile(bytes) { try PictureSet(contentsOf: $0) }
            #expect((pictures.count, pictures.height, pictures.width, pictures.channels) == (2, 2, 3, 1))
            #expect(pictures.values(0)[0] == -1)
            let second: [Float] = (6..<12).map { 2 * Float($0 * 20) / 255 - 1 }
            #expect(pictures.values(1) == second)
        }
    }

    @Test("there must be one label for each picture")
    func readsLabels() throws {
        let labels = try withFile(Self.idxLabels) { try readLabels($0) }
        #expect(labels == [7, 3])
        let pictures = try withFile(Self.idx) { try PictureSet(contentsOf: $0) }
        #expect(try pictures.labelled(labels).labels == [7, 3])
        #expect(throws: DatasetError("expected 2 labels, received 3")) { try pictures.labelled([1, 2, 3]) }
    }

    @Test("a PPM picture has three channels, and comments are passed over")
    func readsPPM() throws {
        let bytes = Array("P6\n# made by hand\n2 1\n255\n".utf8) + [255, 0, 0, 0, 0, 255]
        let picture = try withFile(bytes) { try PictureSet(contentsOf: $0) }
        #expect((picture.count, picture.height, picture.width, picture.channels) == (1, 1, 2, 3))
        #expect(picture.values(0) == [1, -1, -1, -1, -1, 1])
    }

    @Test("a folder gives its PGM files in natural order, and names one of another size")
    func readsFolders() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("pictures-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, value) in [("b10", UInt8(10)), ("b9", 9)] {
            try Data(Array("P5 1 1 255\n".utf8) + [value]).write(to: folder.appendingPathComponent(name + ".pgm"))
        }
        let pictures = try PictureSet(contentsOf: folder.path)
        #expect(pictures.values(0)[0] < pictures.values(1)[0])
        #expect(pictures.values(0) == [2 * Float(9) / 255 - 1])
        try Data(Array("P5 2 1 255\n".utf8) + [1, 2]).write(to: folder.appendingPathComponent("c.pgm"))
        #expect { try PictureSet(contentsOf: folder.path) } throws: {
            let text = String(describing: $0)
            return text.contains("c.pgm': expected [1, 1, 1]") && text.contains("received [1, 2, 1]")
        }
    }

    @Test("PNG pictures are read, alone and beside others in a folder")
    func readsPNG() throws {
        let png = try PNGWriter.write([9, 200], width: 2, height: 1, color: .gray)
        let pictures = try withFile(png) { try PictureSet(contentsOf: $0) }
        #expect((pictures.count, pictures.height, pictures.width, pictures.channels) == (1, 1, 2, 1))
        #expect(pictures.values(0) == [2 * Float(9) / 255 - 1, 2 * Float(200) / 255 - 1])
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("pictures-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data(png).write(to: folder.appendingPathComponent("b.png"))
        try Data(Array("P5 2 1 255\n".utf8) + [1, 2]).write(to: folder.appendingPathComponent("a.pgm"))
        let both = try PictureSet(contentsOf: folder.path)
        #expect(both.count == 2 && both.values(1) == pictures.values(0))
    }

    @Test("floats are taken as they are, and values out of range are refused")
    func readsStacks() throws {
        let stack = NPYWriter.write(Tensor(shape: [2, 1, 2], values: [-1, 0, 0.5, 1]))
        let pictures = try withFile(stack) { try PictureSet(contentsOf: $0) }
        #expect(pictures.count == 2 && pictures.values(1) == [0.5, 1])
        #expect(try rejection(NPYWriter.write(Tensor(shape: [1, 1, 1], values: [1.5]))).contains("received 1.5"))
        #expect(try rejection(NPYWriter.write(Tensor(shape: [4], values: [0, 0, 0, 0]))).contains("[4]"))
    }

    @Test(
        "damaged and hostile files are refused with a reason",
        arguments: [
            ([0, 0, 8, 3], "cut short"), ([0, 0, 13, 3], "unsigned bytes"), ([1, 2, 3, 4, 5], "none of them"),
            ([0, 0, 8, 3] + [UInt8](repeating: 255, count: 12), "need"), (Array("P5 0 1 255\n".utf8), "width"),
            (Array("P5 99999999 1 255\n".utf8), "width"), (Array("P5 2 2 65535\n".utf8), "largest value"),
            (Array("P5 2 2 255\n".utf8) + [1, 2, 3], "has 3"), ([], "none of them"),
        ] as [([UInt8], String)])
    func refusesDamage(bytes: [UInt8], reason: String) throws {
        let message = try rejection(bytes)
        #expect(message.contains(reason), "\(message)")
    }
}

/// Runs `body` with the path of a file of these bytes.
func withFile<Result>(_ bytes: [UInt8], _ body: (String) throws -> Result) throws -> Result {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("file-\(UUID().uuidString)")
    try Data(bytes).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    return try body(url.path)
}
