import Foundation
import Tensors

/// A vector in float64, and what layers do to it.
typealias Vector = [Double]

func sine(_ x: Double) -> Double { sin(x) }
func gelu(_ x: Double) -> Double { 0.5 * x * erfc(-x / 2.0.squareRoot()) }

/// Parameters of a layer by their names in the state dict.
struct ReferenceParameters {
    let dictionary: StateDict
    var prefix = ""

    func scope(_ name: String) -> ReferenceParameters {
        ReferenceParameters(dictionary: dictionary, prefix: prefix + name + ".")
    }

    func values(_ name: String) -> Vector { (dictionary[prefix + name]?.values ?? []).map { Double($0) } }

    /// weight · x + bias.
    func affine(_ x: Vector) -> Vector {
        let (weight, bias) = (values("weight"), values("bias"))
        return bias.indices.map { row in
            x.indices.reduce(bias[row]) { $0 + weight[row * x.count + $1] * x[$1] }
        }
    }

    /// `torch.nn.LayerNorm`.
    func layerNorm(_ x: Vector) -> Vector {
        let mean = x.reduce(0, +) / Double(x.count)
        let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
        let (weight, bias) = (values("weight"), values("bias"))
        return x.indices.map { (x[$0] - mean) / (variance + 1e-5).squareRoot() * weight[$0] + bias[$0] }
    }

    /// The reference's `SimpleLayerNorm` of one token.
    func simpleLayerNorm(_ x: Vector) -> Vector {
        let mean = x.reduce(0, +) / Double(x.count)
        let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count - 1)
        let (gamma, beta) = (values("gamma"), values("beta"))
        return x.indices.map { (x[$0] - mean) / (variance.squareRoot() + 1e-5) * gamma[$0] + beta[$0] }
    }
}

/// The largest |own − reference| / max(1, |reference|); infinite where the lengths differ or either is no number.
func largestError(_ own: [Float], _ reference: [Double]) -> Double {
    guard own.count == reference.count else { return .infinity }
    return zip(own, reference).reduce(0) { largest, pair in
        let error = abs(Double(pair.0) - pair.1) / max(1, abs(pair.1))
        return error.isNaN ? .infinity : max(largest, error)
    }
}

extension StateDict {
    /// The same names and shapes with random numbers: parameters that begin at 0 or 1 would hide mistakes.
    func randomized(seed: UInt64, bound: Float = 0.4) -> StateDict {
        var random = RandomSource(seed: seed)
        return StateDict(
            entries.map { entry in
                let values = entry.tensor.values.map { _ in random.uniform(in: -bound...bound) }
                return NamedTensor(name: entry.name, tensor: Tensor(shape: entry.tensor.shape, values: values))
            })
    }
}
