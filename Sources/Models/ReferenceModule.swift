import Engine
import Networks
import NeuralFunctionals

/// An input or a result of a layer or model while a plan is built, in the form in which reference files hold it.
package enum ModuleValue {
    /// Arrays `….weight.i` and `….bias.i`, in the layout of `WeightSpaceFeatures.write`.
    case features(WeightSpaceFeatures)
    /// A matrix, and the shape of the corresponding tensor in the reference file, with elements in the same order.
    case tensor(Matrix, [Int])

    /// The value as features.
    /// - Parameter channels: what the module reads; nil where it reads any number.
    /// - Throws: `ModelError` where the value is a tensor or has other channels.
    package func features(channels: Int? = nil) throws(ModelError) -> WeightSpaceFeatures {
        guard case .features(let features) = self else {
            throw ModelError("expected 'input.weight.0', 'input.bias.0', …, received 'input'")
        }
        if let channels, features.channels != channels {
            throw ModelError("'input': expected \(channels) channels, received \(features.channels)")
        }
        return features
    }

    /// The value as a matrix.
    /// - Parameter width: columns that the module reads; nil where it reads any number.
    /// - Throws: `ModelError` where the value is weight-space features or has other columns.
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

/// Records a module's steps on an input of `batch` items and returns its results under their names in the reference
/// file, `output` or `latent`.
package typealias ReferenceRecord = (_ input: ModuleValue, _ batch: Int, PlanBuilder) throws -> [String: ModuleValue]

/// A kind of model or layer that can be compared with PyTorch. A reference file holds its parameters, an input and the
/// outputs that PyTorch computed.
package protocol ReferenceModule: ModelKind {
    /// Builds the module of a reference file.
    /// - Parameters:
    ///   - parameters: all of the file's.
    ///   - settings: the file's configuration, which may hold members that are no settings.
    ///   - input: the networks that the module reads; nil for a module that reads plain vectors.
    /// - Throws: `SettingError` or `ModelError`.
    /// - Returns: what records the module's forward pass.
    static func reference(
        _ parameters: ParameterScope, _ settings: Settings, _ input: ModelInput?
    ) throws -> ReferenceRecord
}

extension ReferenceModule {
    /// The module's input.
    /// - Throws: `ModelError` where the configuration describes no networks.
    static func networks(_ input: ModelInput?) throws(ModelError) -> ModelInput {
        guard let input else { throw ModelError("the configuration of '\(type)' lacks 'sizes'") }
        return input
    }
}

extension ModelKinds {
    /// The kind with this `type` if reference files may hold it, otherwise nil.
    package static func reference(_ type: String) -> (any ReferenceModule.Type)? {
        named(type) as? any ReferenceModule.Type
    }
}
