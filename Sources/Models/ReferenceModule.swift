import Engine
import Networks
import NeuralFunctionals

/// What goes into or comes out of a layer or model while a plan is built.
package enum ModuleValue {
    case features(WeightSpaceFeatures)
    /// A matrix, and the shape under which the reference knows it.
    case tensor(Matrix, [Int])

    /// - Parameter channels: what the module reads; nil where any number will do.
    package func features(channels: Int? = nil) throws(ModelError) -> WeightSpaceFeatures {
        guard case .features(let features) = self else {
            throw ModelError("expected 'input.weight.0', 'input.bias.0', …, received 'input'")
        }
        if let channels, features.channels != channels {
            throw ModelError("'input': expected \(channels) channels, received \(features.channels)")
        }
        return features
    }

    /// - Parameter width: of the vectors that the module reads; nil where any will do.
    package func matrix(width: Int? = nil) throws(ModelError) -> Matrix {
        guard case .tensor(let matrix, let shape) = self else {
            throw ModelError("expected 'input', received weight-space features")
        }
        if let width, matrix.columns != width {
            throw ModelError("'input': expected vectors of \(width), received shape \(shape)")
        }
        return matrix
    }
}

/// Records a module's steps on an input of `batch` items; the results are named as in the reference file.
package typealias ReferenceRecord = (_ input: ModuleValue, _ batch: Int, PlanBuilder) throws -> [String: ModuleValue]

/// A kind that reference files hold, with parameters, an input and the outputs that PyTorch computed.
package protocol ReferenceModule: ModelKind {
    /// - Parameters:
    ///   - settings: the file's configuration, which may hold members that are no settings.
    ///   - input: the networks that the file's module reads; nil for a module that reads plain vectors.
    static func reference(
        _ parameters: ParameterScope, _ settings: Settings, _ input: ModelInput?
    ) throws -> ReferenceRecord
}

extension ReferenceModule {
    /// The input, for modules that read networks.
    static func networks(_ input: ModelInput?) throws(ModelError) -> ModelInput {
        guard let input else { throw ModelError("the configuration of '\(type)' lacks 'sizes'") }
        return input
    }
}

extension ModelKinds {
    /// The kind of that name that reference files may hold.
    package static func reference(_ type: String) -> (any ReferenceModule.Type)? {
        named(type) as? any ReferenceModule.Type
    }
}
