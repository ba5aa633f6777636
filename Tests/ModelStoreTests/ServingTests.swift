import Engine
import Models
import Networks
import NeuralFunctionals
import Testing

@testable import ModelStore

@Suite struct RankingTests {
    private func ranking(_ logits: [Float], temperature: Float = 2) -> [ClassScore] {
        ClassScores(logits: logits, temperature: temperature).ranking
    }

    @Test("scores are a softmax in descending order, divided by the temperature first")
    func scores() throws {
        #expect(try SampleModel.classifyingPictures().load().configuration.temperature == 2)
        let ranking = ranking([1, 3, -2])
        #expect(ranking.map(\.classID) == [1, 0, 2])
        #expect(abs(ranking.reduce(0) { $0 + $1.score } - 1) < 1e-6)
        // e^0, e^-1, e^-2.5
        #expect(largestDifference(ranking.map(\.score), [0.689_726, 0.253_736, 0.056_616]) < 1e-3)
        #expect(abs(ranking[1].score / ranking[0].score - 0.367_879) < 1e-5)
    }

    @Test("ties keep the order of the classes, and large logits do not overflow")
    func ties() {
        #expect(ranking([0, 5, 0, 5]).map(\.classID) == [1, 3, 0, 2])
        let extreme = ranking([-3e38, 3e38, 0])
        #expect(extreme.map(\.classID) == [1, 0, 2])
        #expect(extreme.map(\.score) == [1, 0, 0])
        #expect(ranking([]) == [])
    }
}

@Suite struct PlanCacheTests {
    private typealias Cache = PlanCache<PlanShape, WeightSpaceFeatures>

    private static let plan: CompiledPlan<WeightSpaceFeatures> = {
        let builder = PlanBuilder(threads: 1)
        let input = WeightSpaceFeatures(NetworkSpec(sizes: [2, 6, 1]), batch: 1, channels: 1, in: builder)
        return CompiledPlan(
            plan: builder.finish(keeping: input.arrays), input: input, output: .scalars(input.biases[1]))
    }()

    private func key(_ width: Int) -> PlanShape {
        PlanShape(output: .latents, spec: NetworkSpec(sizes: [2, width, 1]), activation: .sine, threads: 1)
    }

    /// Whether the cache holds a plan for the key; takes it.
    private func holds(_ cache: Cache, _ width: Int) throws -> Bool {
        var isCompiled = false
        _ = try cache.take(key(width)) { () throws(ModelError) in
            isCompiled = true
            return Self.plan
        }
        return !isCompiled
    }

    @Test("a plan given back is taken again, once")
    func reuse() throws {
        let cache = Cache(byteLimit: 1 << 20)
        #expect(try !holds(cache, 1))
        cache.giveBack(Self.plan, key(1))
        #expect(try !holds(cache, 2))
        #expect(try holds(cache, 1))
        #expect(try !holds(cache, 1))
    }

    @Test("the cache never keeps more than its limit, and lets the least recent go first")
    func limit() throws {
        let cache = Cache(byteLimit: 2 * Self.plan.plan.memoryBytes)
        for width in 1...3 { cache.giveBack(Self.plan, key(width)) }
        #expect(try !holds(cache, 1))
        #expect(try holds(cache, 2))
        #expect(try holds(cache, 3))
    }

    @Test("a plan larger than the limit is not kept and drives nothing out")
    func oversized() throws {
        let small = Cache(byteLimit: Self.plan.plan.memoryBytes - 1)
        small.giveBack(Self.plan, key(1))
        #expect(try !holds(small, 1))
    }

    @Test("a plan that cannot be compiled is an error, and nothing is kept")
    func failures() throws {
        let cache = Cache(byteLimit: 1 << 20)
        #expect(throws: ModelError("no")) {
            try cache.take(key(1)) { () throws(ModelError) in throw ModelError("no") }
        }
        #expect(try !holds(cache, 1))
    }
}
