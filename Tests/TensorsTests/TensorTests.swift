import Tensors
import Testing

@Suite struct TensorTests {
    @Test("a tensor keeps its elements under another shape")
    func reshaping() {
        let tensor = Tensor(shape: [2, 3], values: [1, 2, 3, 4, 5, 6])
        #expect(tensor.rank == 2 && tensor.count == 6)
        #expect(tensor.reshaped([3, 2, 1]) == Tensor(shape: [3, 2, 1], values: tensor.values))
        #expect(Tensor(zeros: []).values == [0])
        #expect(Tensor(zeros: [2, 0]).values == [])
    }

    @Test("slices are taken along the first axis")
    func slices() {
        let tensor = Tensor(shape: [2, 1, 2], values: [1, 2, 3, 4])
        #expect(tensor.slice(1) == Tensor(shape: [1, 2], values: [3, 4]))
        #expect(Tensor(shape: [3], values: [7, 8, 9]).slice(2) == Tensor(shape: [], values: [9]))
    }

    @Test("element types know their size and whether they hold fractions")
    func elementTypes() {
        #expect(
            ElementType.allCases.map(\.byteCount) == [2, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 1])
        #expect(
            ElementType.allCases.filter(\.isFloatingPoint) == [.float16, .bfloat16, .float32, .float64])
    }
}

@Suite struct StateDictTests {
    private func entry(_ name: String, _ value: Float, _ type: ElementType = .float32) -> NamedTensor {
        NamedTensor(name: name, tensor: Tensor(shape: [], values: [value]), elementType: type)
    }

    @Test("entries keep their order, and a repeated name replaces the first in its place")
    func order() {
        var state = StateDict([entry("b", 1), entry("a", 2), entry("b", 3)])
        #expect(state.names == ["b", "a"])
        #expect(state["b"]?.values == [3])
        state.set(entry("c", 4))
        #expect(state.count == 3 && state.contains("c") && !state.contains("d"))
        #expect(state["d"] == nil)
    }

    @Test("a scope holds the entries under its prefix, their types and the metadata")
    func scopes() {
        var state = StateDict([entry("net.a", 1, .float16), entry("network", 2), entry("net.", 3)])
        state.metadata = ["format": "pt"]
        let scope = state.scoped("net.")
        #expect(scope.names == ["a", ""])
        #expect(scope.entries.first?.elementType == .float16)
        #expect(scope.metadata == ["format": "pt"])
    }
}

@Suite struct RandomSourceTests {
    @Test("the same seed gives the published sequence")
    func sequence() {
        var random = RandomSource(seed: 1_234_567)
        #expect(
            (0..<5).map { _ in random.next() } == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
                4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
            ])
    }

    @Test("uniform numbers stay in their range and fill it")
    func uniform() {
        var random = RandomSource(seed: 5)
        let numbers = (0..<4000).map { _ in random.uniform(in: -2...1) }
        #expect(numbers.allSatisfy { (-2...1).contains($0) })
        let mean = numbers.reduce(0, +) / 4000
        #expect(abs(mean + 0.5) < 0.05)
        #expect((numbers.min() ?? 0) < -1.99 && (numbers.max() ?? 0) > 0.99)
        // A quarter of them lies in the first quarter of the range.
        #expect(abs(numbers.count { $0 < -1.25 } - 1000) < 120)
        #expect(random.uniform(in: 3...3) == 3)
    }

    @Test("normal numbers have mean zero and variance one")
    func normal() {
        var random = RandomSource(seed: 6)
        let numbers = (0..<4000).map { _ in random.normal() }
        let mean = numbers.reduce(0, +) / 4000
        let variance = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 4000
        #expect(abs(mean) < 0.06)
        #expect(abs(variance - 1) < 0.08)
        #expect(numbers.allSatisfy { $0.isFinite })
        // 68.3 % of a normal distribution are within one standard deviation.
        #expect(abs(Double(numbers.count { abs($0) < 1 }) / 4000 - 0.683) < 0.03)
    }
}
