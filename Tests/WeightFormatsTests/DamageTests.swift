import Tensors
import Testing

@testable import WeightFormats

/// A trap ends the process, so these pass by finishing; what they expect beyond that is told by each.
@Suite("Damaged files")
struct DamageTests {
    @Test(
        "A file cut at any byte is refused",
        arguments: [
            "metadata.safetensors", "types.safetensors", "plain.npy", "stored.npz", "protocol2.pth", "views.pth",
            "plain0.pkl", "plain5.pkl",
        ])
    func truncation(name: String) throws {
        let bytes = try Fixture.bytes(name)
        for length in 0..<bytes.count {
            #expect(code(reading: Array(bytes.prefix(length))) != nil, "\(length) bytes")
        }
    }

    @Test("A JSON text cut at any byte is refused")
    func jsonTruncation() {
        let bytes = Array(
            #"{"inputs":[{"weights":[[[1.5,-2e-3]]],"biases":[[0]]},{"é\n":[]}],"top_k":3,"x":[true,null]}"#.utf8)
        #expect(code { _ = try WeightFile.read(bytes) } == nil)
        for length in 0..<bytes.count {
            #expect(code { _ = try WeightFile.read(Array(bytes.prefix(length))) } != nil, "\(length) bytes")
        }
    }

    @Test("Flipped bits anywhere give a file or an error", arguments: try Fixture.all())
    func bitFlips(name: String) throws {
        let original = try Fixture.bytes(name)
        var generator = SeededGenerator(seed: UInt64(original.count))
        let rounds = original.count > 4000 ? 25 : 150
        for round in 0..<rounds {
            var bytes = original
            for _ in 0...(round % 4) {
                bytes[Int.random(in: bytes.indices, using: &generator)] ^=
                    1 << UInt8.random(in: 0...7, using: &generator)
            }
            _ = try? WeightFile.read(bytes)
        }
    }

    @Test(
        "Flipped bits in a pickle behind a valid checksum give a file or an error",
        arguments: ["views.pth", "checkpoint.pth", "numpy_scalar4.pth"])
    func pickleFlips(name: String) throws {
        let archive = try ZipArchive(try Fixture.bytes(name), limits: FormatLimits())
        var generator = SeededGenerator(seed: 7)
        var outcomes: [FormatError.Code?: Int] = [:]
        for _ in 0..<600 {
            var writer = ZipWriter()
            for entry in archive.entries {
                var content = Array(try archive.read(entry))
                if entry.name.hasSuffix("data.pkl") {
                    let index = Int.random(in: content.indices, using: &generator)
                    content[index] = UInt8.random(in: .min ... .max, using: &generator)
                }
                try writer.add(entry.name, content)
            }
            outcomes[code(reading: try writer.finish()), default: 0] += 1
        }
        #expect(outcomes[.unsafePickle, default: 0] > 0)
        #expect(outcomes[.malformed, default: 0] > 0)
        #expect(
            Set(outcomes.keys).isSubset(of: [
                nil, .unsafePickle, .malformed, .dtype, .shapeMismatch, .inflatedTooLarge, .nonFinite,
                .unexpectedTensor, .unknownFormat,
            ]))
    }

    @Test("Changed headers of zip entries and arrays give a file or an error")
    func headerFlips() throws {
        let original = try Fixture.bytes("stored.npz")
        var generator = SeededGenerator(seed: 8)
        let directory = try #require(original.indices.first { original[$0...].starts(with: [0x50, 0x4b, 1, 2]) })
        for _ in 0..<2000 {
            var bytes = original
            bytes[Int.random(in: directory..<bytes.count, using: &generator)] = UInt8.random(
                in: .min ... .max, using: &generator)
            _ = try? WeightFile.read(bytes)
        }
        let array = try Fixture.bytes("fortran.npy")
        for _ in 0..<2000 {
            var bytes = array
            bytes[Int.random(in: 0..<90, using: &generator)] = UInt8.random(in: 0x20...0x7e, using: &generator)
            if let state = try? WeightFile.read(bytes).stateDict() { #expect(state["arr_0"]?.values.count == 6) }
        }
    }

    @Test("At most four prefixes are removed, and only those of all names")
    func unwrapping() {
        func state(_ names: String...) -> StateDict {
            StateDict(names.map { NamedTensor(name: $0, tensor: Fixture.b) })
        }
        #expect(state("module.a", "module._orig_mod.b").unwrapped.names == ["a", "_orig_mod.b"])
        #expect(state("module.a", "b").unwrapped.names == ["module.a", "b"])
        #expect(state("module.").unwrapped.names == ["module."])
        #expect(
            state(String(repeating: "module.", count: 10) + "x").unwrapped.names == [
                String(repeating: "module.", count: 6) + "x"
            ])
        #expect(StateDict().unwrapped.count == 0)
    }
}
