import ModelStore
import Models
import NetworkReading
import Networks
import NeuralFunctionals
import SIREN
import Tensors
import WeightFormats

/// Times the steps from the bytes of an upload to features, and the writing of latents as JSON.
package enum FormatBenchmark {
    /// Times of one run each, on one thread.
    /// - Parameter files: uploads to read, besides one network in each format that can be written.
    /// - Throws: where a file cannot be read.
    package static func run(files: [(name: String, bytes: [UInt8])], repeats: Int) throws -> [SpeedMeasurement] {
        let spec = NetworkSpec(sizes: [2, 32, 32, 1])
        let state = NetworkWeights.example(spec: spec, seed: 0).stateDict
        var text = JSONWriter()
        text.value(state)
        let own: [(name: String, bytes: [UInt8])] = [
            ("safetensors", SafetensorsWriter.write(state)), ("npz", try NPZWriter.write(state)),
            ("JSON", text.bytes),
        ]
        var measurements = try (own + files).map { name, bytes in
            try SpeedMeasurement("read \(name), \(bytes.count) bytes", threads: 1, repeats: repeats) {
                _ = try NetworkSearch(try WeightFile.read(bytes).tree)
            }
        }
        let model = try BenchmarkModel.small.load()
        measurements.append(
            try SpeedMeasurement("tensors to a network", threads: 1, repeats: repeats) {
                _ = try NetworkReading(state, expecting: model.expectation)
            })
        let network = try NetworkWeights(state)
        measurements.append(
            try SpeedMeasurement("a network to features", threads: 1, repeats: repeats) {
                _ = try model.prepare(network)
            })
        let latents = Tensor(shape: [16, 256], values: (0..<4096).map { Float($0 % 1021) / 317 - 1.6 })
        measurements.append(
            SpeedMeasurement("write 16 × 256 latents", threads: 1, repeats: repeats) {
                var writer = JSONWriter(reserving: 65_536)
                writer.value(latents)
            })
        return measurements
    }
}
