import Testing

@testable import WeightFormats

@Suite("Hostile pickles")
struct PickleTests {
    private static let system = Pickle.text("id")
    private static func call(_ symbol: [UInt8]) -> [UInt8] { symbol + Pickle.tuple(system) + [0x52] }

    private func refusal(_ pickle: [UInt8], limits: FormatLimits = FormatLimits()) -> FormatError? {
        do throws(FormatError) {
            _ = try WeightFile.read(try Pickle.archive(pickle), limits: limits)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "A symbol that is not listed is refused by name, even without a call",
        arguments: [
            ("os", "system"), ("posix", "system"), ("builtins", "eval"), ("builtins", "exec"), ("__builtin__", "eval"),
            ("builtins", "getattr"), ("subprocess", "Popen"), ("torch", "load"), ("torch.hub", "load"),
            ("torch._utils", "_import_dotted_name"), ("numpy", "load"),
            ("numpy._core.multiarray", "_ReConstruct"),
            ("collections", "namedtuple"), ("collections.OrderedDict", ""), ("builtins", "__import__"),
            ("joblib.numpy_pickle", "NumpyArrayWrapper"), ("copyreg", "__newobj__"),
            ("collections", "OrderedDict.fromkeys"), ("torch", "nn.Linear"), ("codecs", "encode"), ("", ""),
        ])
    func symbols(module: String, name: String) {
        let byLines = Pickle.global(module, name)
        let byStack = Pickle.text(module) + Pickle.text(name) + [0x93]
        for symbol in [byLines, byStack] {
            for pickle in [Pickle.dict(Self.call(symbol)), Pickle.dict(symbol)] {
                let error = refusal(pickle)
                #expect(error?.code == .unsafePickle)
                #expect(error?.detail.contains("'\(module).\(name)'") == true)
            }
        }
    }

    @Test("A long tuple used as many shapes is refused without copies")
    func repeatedShape() {
        let shape = Pickle.mark + (0..<9).flatMap { _ in Pickle.int(1) } + [0x74, 0x71, 0]  // BINPUT 0
        let storage =
            Pickle.tuple(
                Pickle.text("storage"), Pickle.global("torch", "FloatStorage"), Pickle.text("0"), Pickle.text("cpu"),
                Pickle.int(1)) + [0x51]
        let rebuilt =
            Pickle.global("torch._utils", "_rebuild_tensor_v2")
            + Pickle.tuple(storage, Pickle.int(0), shape, [0x68, 0], [0x89], [0x29]) + [0x52]
        let error = refusal(Pickle.dict(rebuilt))
        #expect(error?.code == .shapeMismatch)
        #expect(error?.detail.contains("9 axes, expected at most 8") == true, "\(String(describing: error))")
    }

    @Test(
        "Opcodes that are not listed are refused by name",
        arguments: [
            ("INST", Pickle.mark + [0x69] + Array("os\nsystem\n".utf8)),
            ("OBJ", Pickle.mark + [0x6f]),
            ("NEWOBJ_EX", [0x92]),
            ("EXT1", [0x82, 1]), ("EXT2", [0x83, 1, 0]), ("EXT4", [0x84, 1, 0, 0, 0]),
            ("PERSID", [0x50] + Array("0\n".utf8)), ("DUP", [0x4e, 0x32]), ("NEXT_BUFFER", [0x97]),
            ("READONLY_BUFFER", [0x4e, 0x98]),
        ] as [(String, [UInt8])])
    func opcodes(name: String, code: [UInt8]) {
        let error = refusal(Pickle.dict(code))
        #expect(error?.code == .unsafePickle)
        #expect(error?.detail.contains(name) == true)
    }

    @Test("Every byte that is not a listed opcode is refused with its offset")
    func allOpcodes() {
        for byte in UInt8.min...UInt8.max where PickleOpcode(rawValue: byte) == nil {
            let error = refusal(Pickle.proto + [byte])
            #expect(error?.code == (PickleOpcode.nameOfRefused(byte) == nil ? .malformed : .unsafePickle))
            #expect(error?.detail.contains("at byte 2 ") == true)
        }
    }

    @Test(
        "Calls of anything but a listed symbol are refused",
        arguments: [
            Pickle.text("x") + [0x29, 0x52],
            Pickle.global("torch", "FloatStorage") + [0x29, 0x52],
            Pickle.global("collections", "OrderedDict") + [0x4e, 0x52],
            Pickle.global("builtins", "list") + [0x29, 0x52],
            Pickle.global("torch", "float32") + [0x29, 0x52],
            [0x5d, 0x7d, 0x62],
        ])
    func calls(value: [UInt8]) {
        #expect(refusal(Pickle.dict(value))?.code == .unsafePickle)
    }

    @Test(
        "Broken pickles are refused",
        arguments: [
            [], [0x2e], [0x52, 0x2e], [0x74, 0x2e], [0x73, 0x2e], [0x61, 0x2e], [0x51, 0x2e], [0x68, 0, 0x2e],
            [0x71, 0, 0x2e], [0x94, 0x2e], [0x62, 0x2e], [0x93, 0x2e], [0x28, 0x75, 0x2e],
            [0x28, 0x28, 0x2e], [0x7d, 0x28, 0x4e, 0x75, 0x2e], [0x4e, 0x28, 0x85, 0x2e], [0x80, 6, 0x7d, 0x2e],
            [0x95, 1], [0x4a, 1, 2], [0x8a, 9, 1], [0x63, 0x61], [0x7d, 0x51, 0x2e],
            Array("I1x\n.".utf8), Array("F1x\n.".utf8), Array("Sx\n.".utf8), Array("V\\u12\n.".utf8),
            Array("L12".utf8), Array("g1\n.".utf8), [0x31, 0x2e], [0x30, 0x2e], [0x8e, 0xff, 0, 0, 0, 0, 0, 0, 0xff],
            Pickle.dict(Pickle.global("torch._utils", "_rebuild_tensor_v2") + Pickle.tuple() + [0x52]),
            Pickle.dict(Pickle.global("torch._utils", "_rebuild_parameter") + Pickle.tuple([0x4e]) + [0x52]),
            Pickle.dict(Pickle.global("collections", "OrderedDict") + Pickle.tuple([0x4e]) + [0x52]),
            Pickle.dict(Pickle.tuple(Pickle.text("storage")) + [0x51]),
            Pickle.dict(
                Pickle.tuple(
                    Pickle.text("module"), Pickle.global("torch", "FloatStorage"), Pickle.text("0"),
                    Pickle.text("cpu"), Pickle.int(3)) + [0x51]),
            Pickle.dict(
                Pickle.tuple(
                    Pickle.text("storage"), Pickle.global("torch", "FloatStorage"), Pickle.text("0"),
                    Pickle.text("cpu"), Pickle.int(-3)) + [0x51]),
        ] as [[UInt8]])
    func broken(pickle: [UInt8]) {
        #expect(refusal(pickle)?.code == .malformed)
    }

    @Test("A string with a length of 4 GiB is refused without allocation")
    func hugeString() {
        #expect(refusal(Pickle.proto + [0x58, 0xff, 0xff, 0xff, 0xff])?.code == .malformed)
        #expect(refusal(Pickle.proto + [0x42, 0xff, 0xff, 0xff, 0xff])?.code == .malformed)
    }

    @Test("Stack, memo and length are bounded")
    func bounds() {
        var limits = FormatLimits()
        limits.maxPickleStack = 100
        limits.maxPickleMemo = 100
        limits.maxPickleOpcodes = 300
        #expect(refusal([UInt8](repeating: 0x4e, count: 101) + Pickle.stop, limits: limits)?.code == .malformed)
        #expect(refusal([UInt8](repeating: 0x28, count: 101) + Pickle.stop, limits: limits)?.code == .malformed)
        let memo: [UInt8] = (0...100).flatMap { [0x72, $0, 0, 0, 0] as [UInt8] }
        #expect(refusal([0x4e] + memo + Pickle.stop, limits: limits)?.detail.contains("memo") == true)
        let opcodes = [0x4e] + [UInt8](repeating: 0x85, count: 300) + Pickle.stop
        #expect(refusal(opcodes, limits: limits)?.detail.contains("opcodes") == true)
    }

    @Test("Nested and self-referring containers take memory linear in their opcodes")
    func selfReference() {
        // Each list holds the one before twice; expanded, it would be 2^1000 elements.
        let doubling = (0..<1000).flatMap { _ in [0x5d, 0x68, 0, 0x61, 0x68, 0, 0x61, 0x71, 0] as [UInt8] }
        let lists = [0x5d, 0x71, 0] + doubling
        #expect(refusal(Pickle.proto + lists + Pickle.stop)?.code == .malformed)
        let wide: [UInt8] =
            [0x5d, 0x71, 0] + (0..<30).flatMap { _ in [0x5d, 0x68, 0, 0x61, 0x68, 0, 0x61, 0x71, 0] as [UInt8] }
        #expect(refusal(Pickle.proto + wide + Pickle.stop)?.code == .inflatedTooLarge)
        let cycle: [UInt8] = [0x7d, 0x71, 0] + Pickle.text("state_dict") + [0x68, 0, 0x73]
        #expect(refusal(Pickle.proto + cycle + Pickle.stop)?.code == .malformed)
        // One long list under many names: read until the limit of values.
        let chunk: [UInt8] = Pickle.mark + [UInt8](repeating: 0x4e, count: 16_000) + [0x65]
        let long: [UInt8] = [0x5d, 0x71, 0] + Array(repeatElement(chunk, count: 10).joined())
        let names = (0..<100_000).flatMap { _ in [0x68, 1, 0x68, 0, 0x73] as [UInt8] }
        let prefix = Pickle.proto + Pickle.text("w") + [0x71, 1] + long
        #expect(refusal(prefix + [0x7d] + names + Pickle.stop)?.code == .inflatedTooLarge)
        let deep = [UInt8](repeating: 0x85, count: 100_000)
        #expect(refusal(Pickle.dict([0x29] + deep))?.code == .malformed)
    }

    @Test("Names in messages are printable")
    func printableNames() {
        let error = refusal(Pickle.dict(Pickle.text("a\u{1b}[2J") + Pickle.text("b\n") + [0x93]))
        #expect(error?.detail.contains("\u{1b}") == false)
        #expect(error?.detail.contains("\\u{1b}") == true)
    }
}
