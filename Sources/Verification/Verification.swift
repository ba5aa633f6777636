import Engine
import Models
import Networks
import NeuralFunctionals
import Tensors

/// The difference between one computed output or gradient and the reference.
package struct OutputComparison: Sendable, Equatable {
    /// The tensor's name in the file.
    package let name: String
    /// Its shape.
    package let shape: [Int]
    /// The largest |difference| / max(1, |reference|) over the elements; infinite where either is NaN.
    package let largestError: Float
    /// The largest error that counts as agreement by itself.
    package let tolerance: Float
    /// The largest change of this output, measured as `largestError`, when each element of the input changes by at most
    /// half a unit in the last place; nil where the error is within the tolerance.
    package let roundingFloor: Float?

    /// The largest error that counts as agreement: max(tolerance, 4 · rounding floor), for gradients max(tolerance, 10 ·
    /// rounding floor).
    ///
    /// The rounding floor is the effect of a single rounding, of the input. A module rounds many times, a backward pass
    /// more often, so two correct float32 programs can differ by several times the floor.
    package var allowed: Float {
        let allowance: Float = name.hasPrefix("grad.") ? 10 : 4
        return max(tolerance, allowance * (roundingFloor ?? 0))
    }

    /// Whether the error is finite and at most `allowed`.
    package var agrees: Bool { largestError.isFinite && largestError <= allowed }
}

/// The comparison of layers and models with reference files.
package enum Verification {
    /// Runs a reference file's module on its input and compares every output, and every gradient that the file has.
    /// - Parameter pool: the threads for the forward pass; gradients are computed on one.
    /// - Returns: one comparison for each tensor, outputs first, each group in natural order of the names.
    /// - Throws: `VerificationError`, `SettingError`, `ParameterError` or `ModelError` where the file is not valid.
    package static func run(_ file: GoldenFile, pool: WorkerPool) throws -> [OutputComparison] {
        let module = try GoldenModule(file)
        let tolerance = file.configuration.kind.tolerance
        let forward = try RecordedModule(file, module, in: PlanBuilder(threads: pool.threads))
        let outputs = try compare(file.expected, file, tolerance: tolerance) { forward.compute($0, pool) }
        guard file.gradients.count > 0 else { return outputs }
        let backward = try RecordedModule(file, module, in: PlanBuilder(recordsGradients: true))
        return try outputs
            + compare(file.gradients, file, tolerance: 10 * tolerance) { backward.compute($0, pool) }
    }

    private static func compare(
        _ expected: StateDict, _ file: GoldenFile, tolerance: Float, _ compute: (StateDict) -> [String: Tensor]
    ) throws -> [OutputComparison] {
        let computed = compute(file.inputs)
        let errors = try expected.entries.sorted { naturallyPrecedes($0.name, $1.name) }
            .map { entry in (entry, try error(of: computed[entry.name], against: entry)) }
        // The largest of four draws, since a single one may hardly change the entries that an output is most sensitive
        // to.
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

    private static func error(of own: Tensor?, against entry: NamedTensor) throws(VerificationError) -> Float {
        guard let own else { throw VerificationError("the module has no output '\(entry.name)'") }
        guard own.shape == entry.tensor.shape else {
            throw VerificationError("'\(entry.name)': the file has shape \(entry.tensor.shape), computed \(own.shape)")
        }
        return largestError(own, entry.tensor)
    }

    /// The largest |difference| / max(1, |reference|) over the elements; infinite where either is NaN.
    private static func largestError(_ own: Tensor, _ reference: Tensor) -> Float {
        zip(own.values, reference.values).reduce(0) { largest, pair in
            let error = abs(pair.0 - pair.1) / max(1, abs(pair.1))
            // A NaN on either side must not pass as agreement.
            return error.isNaN ? .infinity : max(largest, error)
        }
    }
}
