import ModelStore
import Models
import NetworkReading
import Networks
import NeuralFunctionals
import OpenInference
import SIREN

/// An input or output in a model's metadata.
struct TensorDescription: Sendable {
    let name: String
    let datatype: InferDatatype
    /// Of one network; -1 where any extent is accepted.
    let shape: [Int]
}

/// A model's output under its name in the Open Inference Protocol.
enum ModelOutput: String, Sendable, CaseIterable {
    case logits
    case probabilities
    case classID = "class_id"
    case label
    case latent
    case reconstruction
    case accuracy

    /// What is computed for it.
    var output: Output {
        switch self {
        case .logits, .probabilities, .classID, .label: .classes
        case .latent: .latents
        case .reconstruction: .picture
        case .accuracy: .scalars
        }
    }

    /// Whether it has a value for each class, so that the best classes can be named in place of the values.
    var isByClass: Bool { self == .logits || self == .probabilities }

    func description(_ model: ServedModel) -> TensorDescription {
        let image = model.input.image
        let (datatype, shape): (InferDatatype, [Int]) =
            switch self {
            case .logits, .probabilities: (.fp32, [model.labels.count])
            case .classID: (.int64, [])
            case .label: (.bytes, [])
            case .latent: (.fp32, model.shape(of: .latents) ?? [])
            case .reconstruction: (.fp32, image.map { [$0.height, $0.width, $0.channels] } ?? [])
            case .accuracy: (.fp32, model.targets.count > 1 ? [model.targets.count] : [])
            }
        return TensorDescription(name: rawValue, datatype: datatype, shape: shape)
    }

    /// The values of all networks, one after the other.
    /// - Parameter answers: to `output`, one of each network.
    func values(_ answers: [Answer], labels: [String]) -> InferResponse.Values {
        switch self {
        case .logits: .floats(answers.flatMap { $0.scores?.logits ?? [] })
        case .probabilities: .floats(answers.flatMap { $0.scores?.probabilities ?? [] })
        case .classID: .integers(answers.map { Int64($0.scores?.best ?? 0) })
        case .label: .texts(answers.map { labels[$0.scores?.best ?? 0] })
        case .latent, .reconstruction, .accuracy: .floats(answers.flatMap(\.values))
        }
    }

    /// The classification extension: the best classes of every network as `value:index:label`.
    func classes(_ answers: [Answer], labels: [String], count: Int) -> [String] {
        answers.compactMap(\.scores).flatMap { scores in
            scores.ranking.prefix(count).map { score in
                let value = self == .logits ? scores.logits[score.classID] : score.score
                return "\(value):\(score.classID):\(labels[score.classID])"
            }
        }
    }
}

extension Answer {
    fileprivate var scores: ClassScores? {
        guard case .classes(let classes) = self else { return nil }
        return classes.scores
    }
}

extension ServedModel {
    /// One input for every weight and bias, named as PyTorch names them.
    var inputTensors: [TensorDescription] {
        let names = input.transform.convention.layerNames(of: input.spec)
        return zip(expectation.layerShapes, names).flatMap { shape, names in
            [
                TensorDescription(name: names.weight, datatype: .fp32, shape: shape.weight),
                TensorDescription(name: names.bias, datatype: .fp32, shape: shape.bias),
            ]
        }
    }

    /// All parameters as one vector: accepted in place of the other inputs.
    var flatInput: TensorDescription {
        TensorDescription(name: "weights", datatype: .fp32, shape: [expectation.spec.parameterCount])
    }

    var modelOutputs: [ModelOutput] { ModelOutput.allCases.filter { offers($0.output) } }
}
