import Engine
import ModelStore
import Models
import Networks
import SIREN

/// Times the forward passes of a model on random networks, in plans as the service runs them.
package struct ModelBenchmark {
    private let model: ServedModel
    private let output: Output

    /// - Parameter output: nil for the first output that the model offers.
    package init(_ model: ServedModel, output: Output? = nil) {
        self.model = model
        self.output = output ?? model.outputs[0].output
    }

    /// Times `repeats` runs.
    /// - Parameters:
    ///   - name: the measurement's name; nil for the model's name and the operation.
    ///   - batch: networks of a run.
    package func run(name: String? = nil, batch: Int, threads: Int, repeats: Int) throws -> SpeedMeasurement {
        let pool = WorkerPool(threads: threads)
        let spec = model.input.spec
        var claims = NotationClaims()
        claims.claim(model.input.transform.notation, "that of the model")
        let networks = try (0..<batch).map { seed in
            try model.prepare(NetworkWeights.example(spec: spec, seed: UInt64(seed)), claims).content
        }
        let flops = try model.flops(output, spec) * batch
        return try SpeedMeasurement(
            name ?? "\(model.name) \(output.rawValue)", batch: batch, threads: threads, repeats: repeats,
            flops: flops
        ) { _ = try model.run(output, networks, pool) }
    }
}
