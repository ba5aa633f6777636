import ModelStore
import Networks
import NeuralFunctionals
import OpenInference

/// A tensor as a model announces it.
struct TensorDescription: Sendable {
    let name: String
    let datatype: InferDatatype
    /// Of one network; -1 where any extent will do.
    let shape: [Int]
}

/// A result of a model under its name in the protocol.
enum ModelOutput: String, Sendable, CaseIterable {
    case logits
    case probabilities
    case classID = "class_id"
    case label
    case latent
    case reconstruction
    case accuracy

    /// What has to be computed for it.
    var operation: Operation {
        switch self {
        case .logits, .probabilities, .classID, .label: .classify
        case .latent: .encode
        case .reconstruction: .reconstruct
        case .accuracy: .predict
        }
    }

    /// Whether its values belong to classes, so that some of them can be named in their place.
    var isByClass: Bool { self == .logits || self == .probabilities }

    func description(_ model: ServedModel) -> TensorDescription {
        let image = model.manifest.input.image
        let (datatype, shape): (InferDatatype, [Int]) =
            switch self {
            case .logits, .probabilities: (.fp32, [model.labels.count])
            case .classID: (.int64, [])
            case .label: (.bytes, [])
            case .latent: (.fp32, model.latentShape ?? [])
            case .reconstruction: (.fp32, image.map { [$0.height, $0.width, $0.channels] } ?? [])
            case .accuracy: (.fp32, [])
            }
        return TensorDescription(name: rawValue, datatype: datatype, shape: shape)
    }

    /// The results of all networks, one after the other.
    /// - Parameter rows: of `operation`, one row a network.
    func values(_ rows: [[Float]], _ model: ServedModel) -> InferResponse.Values {
        switch self {
        case .logits: .floats(rows.flatMap { model.classification($0).logits })
        case .probabilities: .floats(rows.flatMap { Self.probabilities($0, model) })
        case .classID: .integers(rows.map { Int64(Self.best($0, model)) })
        case .label: .texts(rows.map { model.labels[Self.best($0, model)] })
        case .latent, .reconstruction, .accuracy: .floats(rows.flatMap(\.self))
        }
    }

    /// The classification extension: the best classes of every network as `value:index:label`.
    func classes(_ rows: [[Float]], _ model: ServedModel, count: Int) -> [String] {
        rows.flatMap { row in
            let logits = model.classification(row).logits
            return model.ranking(logits).prefix(count).map { score in
                let value = self == .logits ? logits[score.classID] : score.score
                return "\(value):\(score.classID):\(model.labels[score.classID])"
            }
        }
    }

    private static func best(_ row: [Float], _ model: ServedModel) -> Int { model.classification(row).best }

    private static func probabilities(_ row: [Float], _ model: ServedModel) -> [Float] {
        var probabilities = [Float](repeating: 0, count: model.labels.count)
        for score in model.ranking(model.classification(row).logits) { probabilities[score.classID] = score.score }
        return probabilities
    }
}

extension ServedModel {
    /// One input for every weight and bias, named as PyTorch names them.
    var inputTensors: [TensorDescription] {
        let names = manifest.input.spec.torchNames(manifest.input.convention)
        return zip(expectation.layerShapes, names).flatMap { shape, names in
            [
                TensorDescription(name: names.weight, datatype: .fp32, shape: shape.weight),
                TensorDescription(name: names.bias, datatype: .fp32, shape: shape.bias),
            ]
        }
    }

    /// All parameters as one vector, which an upload may have in place of the others.
    var flatInput: TensorDescription {
        TensorDescription(name: "weights", datatype: .fp32, shape: [expectation.spec.parameterCount])
    }

    var modelOutputs: [ModelOutput] { ModelOutput.allCases.filter { operations.contains($0.operation) } }
}
