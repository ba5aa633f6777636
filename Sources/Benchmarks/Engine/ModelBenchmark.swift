import Engine
import ModelStore
import Networks
import SIREN

/// Times a model's forward passes, as the service runs them.
package struct ModelBenchmark {
    private let model: ServedModel
    private let operation: ModelStore.Operation

    /// - Parameter operation: nil means the model's first one.
    package init(_ model: ServedModel, operation: ModelStore.Operation? = nil) {
        self.model = model
        self.operation = operation ?? model.operations[0]
    }

    /// - Parameters:
    ///   - name: the measurement's name; nil means model and operation.
    ///   - batch: networks per run.
    package func run(name: String? = nil, batch: Int, threads: Int, repeats: Int) throws -> SpeedMeasurement {
        let pool = WorkerPool(threads: threads)
        let spec = model.manifest.input.spec
        let convention = UploadConvention(convention: model.manifest.input.convention)
        let networks = try (0..<batch).map { seed in
            try model.prepare(NetworkWeights.example(spec: spec, seed: UInt64(seed)), convention).features
        }
        let flops = try model.cost(operation, spec) * batch
        return try SpeedMeasurement(
            name ?? "\(model.name) \(operation.rawValue)", batch: batch, threads: threads, repeats: repeats,
            flops: flops
        ) { _ = try model.run(operation, networks, pool) }
    }
}
