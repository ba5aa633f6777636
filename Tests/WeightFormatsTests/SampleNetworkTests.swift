import Tensors
import Testing

@testable import WeightFormats

@Suite("The same network in every format")
struct SampleNetworkTests {
    private let reference: StateDict

    /// The tensors of `net0.*`, which some files hold in a member `state_dict`.
    private static func state(_ name: String) throws -> StateDict {
        let file = try Fixture.read(name)
        guard let inner = file.tree["state_dict"] else { return try file.stateDict() }
        return try WeightFile(format: file.format, tree: inner, metadata: [:]).stateDict()
    }

    init() throws { reference = try Fixture.state("net0.safetensors") }

    @Test("The reference holds a SIREN of 1185 parameters")
    func referenceIsWhole() {
        #expect(reference.count == 6)
        #expect(reference.entries.map(\.tensor.count).reduce(0, +) == 1185)
        #expect(reference["net.0.linear.weight"]?.shape == [32, 2])
        #expect(reference["net.0.linear.weight"]?.values.first == 0.00012025115574942902)
    }

    @Test(
        "Exact formats give bit-identical tensors",
        arguments: [
            "net0.pth", "net0.nested.pth", "net0.parameter.pth", "net0.strided.pth",
            "net0.float64.pth", "net0.npz",
        ])
    func exactFormats(name: String) throws {
        let state = try Self.state(name)
        #expect(Set(state.names) == Set(reference.names))
        for entry in reference.entries { #expect(state[entry.name] == entry.tensor, "\(entry.name)") }
    }

    @Test("Flat views of one shared storage give the same values")
    func flatViews() throws {
        let state = try Fixture.state("net0.flat_views.pth")
        #expect(state.count == reference.count)
        for entry in reference.entries {
            #expect(state[entry.name] == entry.tensor.reshaped([entry.tensor.count]), "\(entry.name)")
        }
    }

    @Test("PyTorch files keep the order in which the tensors were saved")
    func torchOrder() throws {
        #expect(
            try Fixture.state("net0.pth").names == [
                "net.0.linear.weight", "net.0.linear.bias", "net.1.linear.weight", "net.1.linear.bias", "net.2.weight",
                "net.2.bias",
            ])
    }

    @Test("JSON lists of weights and biases hold the same numbers, layer by layer")
    func json() throws {
        let tree = try Fixture.tree("net0.json")
        let layers = ["net.0.linear", "net.1.linear", "net.2"]
        for (index, layer) in layers.enumerated() {
            #expect(tree["weights"]?[index]?.tensor == reference["\(layer).weight"])
            #expect(tree["biases"]?[index]?.tensor == reference["\(layer).bias"])
        }
    }

    @Test(
        "Half precision rounds every weight to its format",
        arguments: [
            ("net0.float16.pth", ElementType.float16, Float(0x1p-11)),
            ("net0.bfloat16.pth", .bfloat16, 0x1p-8),
            ("net0.bfloat16.safetensors", .bfloat16, 0x1p-8),
        ])
    func halfPrecision(name: String, type: ElementType, tolerance: Float) throws {
        let state = try Self.state(name)
        for entry in reference.entries {
            let tensor = try #require(state[entry.name])
            #expect(tensor.shape == entry.tensor.shape)
            for (value, exact) in zip(tensor.values, entry.tensor.values) {
                #expect(abs(value - exact) <= abs(exact) * tolerance + 0x1p-25)
            }
        }
        #expect(state.entries.allSatisfy { $0.elementType == type })
    }

    @Test("bfloat16 from PyTorch and from safetensors are the same bits")
    func bfloat16Agrees() throws {
        let left = try Fixture.state("net0.bfloat16.pth")
        let right = try Fixture.state("net0.bfloat16.safetensors")
        for entry in left.entries { #expect(right[entry.name] == entry.tensor) }
    }

    @Test("A file of PyTorch before 1.6 is refused with the way to re-save it")
    func legacy() throws {
        let bytes = try Fixture.bytes("net0.legacy.pth")
        let error = #expect(throws: FormatError.self) { try WeightFile.read(bytes) }
        #expect(error?.code == .legacyTorchFormat)
        #expect(error?.detail.contains("torch.save(torch.load(path), path)") == true)
    }
}
