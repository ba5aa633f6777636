import Engine
import Models
import Networks
import NeuralFunctionals
import Tensors

/// The plan of a reference file's module, with gradients where the plan's builder records them.
struct RecordedModule {
    private let plan: Plan
    private let input: ModuleValue
    private let outputs: [String: ModuleValue]
    private let gradients: [String: ModuleValue]
    private let parameters: [(binding: ParameterBinding, gradient: Matrix)]

    init(_ file: GoldenFile, _ module: GoldenModule, in builder: PlanBuilder) throws {
        let (input, batch) = try Self.input(file, in: builder)
        builder.track(Self.matrices(of: input) + module.parameters.map(\.matrix))
        self.input = input
        outputs = try module.record(input, batch, builder)
        if builder.recordsGradients {
            builder.differentiate(try Self.seeds(outputs, file))
            gradients = ["grad.input": Self.gradient(of: input, in: builder)]
            parameters = module.parameters.map { ($0, builder.gradient(of: $0.matrix)) }
        } else {
            gradients = [:]
            parameters = []
        }
        plan = builder.finish(
            keeping: ([input] + outputs.values + gradients.values).flatMap(Self.matrices) + parameters.map(\.gradient))
    }

    /// Runs the plan.
    /// - Returns: every output and gradient, by its name in the file.
    func compute(_ inputs: StateDict, _ pool: WorkerPool) -> [String: Tensor] {
        fill(from: inputs)
        plan.run(pool)
        let learned = parameters.map { ("grad.param." + $0.binding.name, $0.binding.gradient($0.gradient)) }
        return Self.read(outputs).merging(Self.read(gradients)) { $1 }.merging(learned) { $1 }
    }

    /// The outputs with their cotangents: the file's gradients are those of Σ output · cotangent.
    private static func seeds(
        _ outputs: [String: ModuleValue], _ file: GoldenFile
    ) throws(VerificationError) -> [(y: Matrix, cotangent: Matrix)] {
        var seeds: [(y: Matrix, cotangent: Matrix)] = []
        func check(_ name: String, _ shape: [Int]) throws(VerificationError) -> Tensor {
            guard let tensor = file.cotangents[name], tensor.shape == shape else {
                let received = file.cotangents[name].map { "\($0.shape)" } ?? "none"
                throw VerificationError("the cotangent of '\(name)': expected shape \(shape), received \(received)")
            }
            return tensor
        }
        for (name, value) in outputs where name == "output" {
            switch value {
            case .tensor(let matrix, let shape):
                let tensor = try check(name, shape)
                seeds.append(
                    (matrix, Matrix(rows: matrix.rows, columns: matrix.columns, values: tensor.values)))
            case .features(let features):
                let own = features.standalone()
                for (element, array) in names(features.spec, name) {
                    own.write(try check(element, features.shape(array)), to: array)
                }
                seeds += zip(features.arrays, own.arrays).map { ($0, $1) }
            }
        }
        return seeds
    }

    private static func gradient(of input: ModuleValue, in builder: PlanBuilder) -> ModuleValue {
        switch input {
        case .tensor(let matrix, let shape): .tensor(builder.gradient(of: matrix), shape)
        case .features(let features): .features(features.gradients(in: builder))
        }
    }

    /// The matrices for the file's input, and the number of networks or vectors in its batch.
    private static func input(_ file: GoldenFile, in builder: PlanBuilder) throws -> (ModuleValue, Int) {
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

    private func fill(from tensors: StateDict) {
        switch input {
        case .tensor(let matrix, _):
            if let tensor = tensors["input"] { matrix.write(tensor.values) }
        case .features(let features):
            for (name, array) in Self.names(features.spec, "input") {
                if let tensor = tensors[name] { features.write(tensor, to: array) }
            }
        }
    }

    private static func read(_ values: [String: ModuleValue]) -> [String: Tensor] {
        var computed: [String: Tensor] = [:]
        for (name, value) in values {
            switch value {
            case .tensor(let matrix, let shape): computed[name] = Tensor(shape: shape, values: matrix.read())
            case .features(let features):
                for (element, array) in names(features.spec, name) { computed[element] = features.read(array) }
            }
        }
        return computed
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
