import Engine
import Networks
import NeuralFunctionals
import Tensors

/// How far one output lies from the reference's.
package struct OutputComparison: Sendable, Equatable {
    package let name: String
    package let shape: [Int]
    /// Largest |difference| / max(1, |reference|).
    package let largestError: Float
    package let tolerance: Float
    /// How far one float32 rounding of the input moves this output; computed only where the tolerance is exceeded.
    package let roundingFloor: Float?

    /// Within the tolerance, or within four times the rounding floor where that is larger: a module rounds many times
    /// inside, and no two float32 programs agree better than that allows, the reference with itself included.
    package var agrees: Bool { largestError.isFinite && largestError <= max(tolerance, 4 * (roundingFloor ?? 0)) }
}

/// Runs a golden file's module on its input and compares every output.
package enum Verification {
    /// - Throws: `VerificationError`, `ParameterError` or `ModelError` where the file is not of the form.
    package static func run(_ file: GoldenFile, pool: WorkerPool) throws -> [OutputComparison] {
        let module = try GoldenModule(file)
        let builder = PlanBuilder(threads: pool.threads)
        let (input, batch) = try makeInput(file, in: builder)
        let outputs = try module.record(input, batch, builder)
        let plan = builder.finish(keeping: matrices(of: input) + outputs.values.flatMap(matrices))
        func compute(_ inputs: StateDict) -> [String: Tensor] {
            fill(input, from: inputs)
            plan.run(pool)
            return read(outputs)
        }
        let computed = compute(file.inputs)
        let errors = try file.expected.entries.sorted { naturallyPrecedes($0.name, $1.name) }
            .map { entry in (entry, try error(of: computed[entry.name], against: entry)) }
        let tolerance = file.configuration.kind.tolerance
        // A few draws: a single one may leave an output's most sensitive entries alone.
        let perturbed =
            errors.contains { $0.1 > tolerance } ? (0..<4).map { compute(rounded(file.inputs, seed: $0)) } : []
        return errors.map { entry, error in
            let own = computed[entry.name] ?? entry.tensor
            let floor = perturbed.map { largestError($0[entry.name] ?? own, own) }.max()
            return OutputComparison(
                name: entry.name, shape: own.shape, largestError: error, tolerance: tolerance,
                roundingFloor: error > tolerance ? floor : nil)
        }
    }

    /// The inputs with every element moved by at most half a unit in the last place of float32.
    private static func rounded(_ inputs: StateDict, seed: UInt64) -> StateDict {
        var random = RandomSource(seed: seed)
        return StateDict(
            inputs.entries.map { entry in
                let values = entry.tensor.values.map { $0 * (1 + random.uniform(in: -1...1) * Float.ulpOfOne / 2) }
                return NamedTensor(name: entry.name, tensor: Tensor(shape: entry.tensor.shape, values: values))
            })
    }

    private static func makeInput(_ file: GoldenFile, in builder: PlanBuilder) throws -> (ModuleValue, Int) {
        if let tensor = file.inputs["input"] {
            guard tensor.rank >= 2, tensor.count > 0 else {
                throw VerificationError("'input': expected a batch of vectors, received shape \(tensor.shape)")
            }
            let width = tensor.shape[tensor.rank - 1]
            return (
                .tensor(builder.matrix(rows: tensor.count / width, columns: width), tensor.shape), tensor.shape[0]
            )
        }
        let spec = try file.configuration.network()
        guard let first = file.inputs["input.weight.0"], first.rank >= 4, first.count > 0 else {
            throw VerificationError("'input.weight.0' is missing or not of shape (B, C, out, in[, kh, kw])")
        }
        let features = WeightSpaceFeatures(spec, batch: first.shape[0], channels: first.shape[1], in: builder)
        for (name, array) in names(spec, "input") {
            guard let tensor = file.inputs[name] else { throw VerificationError("'\(name)' is missing") }
            guard tensor.shape == features.shape(array) else {
                throw VerificationError("'\(name)': expected shape \(features.shape(array)), received \(tensor.shape)")
            }
        }
        return (.features(features), features.batch)
    }

    private static func fill(_ input: ModuleValue, from tensors: StateDict) {
        switch input {
        case .tensor(let matrix, _):
            if let tensor = tensors["input"] { matrix.write(tensor.values) }
        case .features(let features):
            for (name, array) in names(features.spec, "input") {
                if let tensor = tensors[name] { features.write(tensor, to: array) }
            }
        }
    }

    private static func read(_ outputs: [String: ModuleValue]) -> [String: Tensor] {
        var computed: [String: Tensor] = [:]
        for (name, value) in outputs {
            switch value {
            case .tensor(let matrix, let shape): computed[name] = Tensor(shape: shape, values: matrix.read())
            case .features(let features):
                for (element, array) in names(features.spec, name) { computed[element] = features.read(array) }
            }
        }
        return computed
    }

    private static func error(of own: Tensor?, against entry: NamedTensor) throws(VerificationError) -> Float {
        guard let own else { throw VerificationError("the module has no output '\(entry.name)'") }
        guard own.shape == entry.tensor.shape else {
            throw VerificationError("'\(entry.name)': the file has shape \(entry.tensor.shape), computed \(own.shape)")
        }
        return largestError(own, entry.tensor)
    }

    private static func largestError(_ own: Tensor, _ reference: Tensor) -> Float {
        zip(own.values, reference.values).reduce(0) { largest, pair in
            let error = abs(pair.0 - pair.1) / max(1, abs(pair.1))
            // A NaN on either side must not pass as agreement.
            return error.isNaN ? .infinity : max(largest, error)
        }
    }

    private static func names(_ spec: NetworkSpec, _ prefix: String) -> [(String, ArrayIndex)] {
        spec.layers.indices.flatMap {
            [("\(prefix).weight.\($0)", ArrayIndex.weight($0)), ("\(prefix).bias.\($0)", ArrayIndex.bias($0))]
        }
    }

    private static func matrices(of value: ModuleValue) -> [Matrix] {
        switch value {
        case .tensor(let matrix, _): [matrix]
        case .features(let features): features.arrays
        }
    }
}
