import Engine
import NeuralFunctionals
import SIREN

/// An `Inr2Array`, and a head that classifies its latents: a `TransformerHead` (Zhou et al., arXiv 2305.13546, §4.2) or
/// `LatentConvolutions`.
package struct LatentClassifier: Model {
    package static let type = "LatentClassifier"

    private let encoder: Inr2Array
    private let head: any LatentHead

    /// Members of the node: `encoder`, a node of type `AutoEncoder`, and `head`, one of type `TransformerClassifier` or
    /// `LatentConvolutions`.
    /// - Throws: also where the head does not read as many or as wide latents as the encoder makes.
    package init(_ settings: Settings, _ assembly: ModelAssembly) throws {
        let node = try settings.section("encoder")
        guard let encoder = try assembly.model(node) as? Inr2Array else {
            throw node.error("type", "expected \(Inr2Array.type)")
        }
        self.encoder = encoder
        head = try Self.head(try settings.section("head"), assembly)
        try head.check(count: encoder.latentCount, width: encoder.latentWidth)
    }

    private static func head(_ node: Settings, _ assembly: ModelAssembly) throws -> any LatentHead {
        switch try node.text("type") {
        case TransformerHead.type:
            return try assembly.module(node, revealing: TransformerHeadConfiguration.revealed) { parameters in
                try TransformerHead(parameters, try TransformerHeadConfiguration(node))
            }
        case LatentConvolutions.type:
            return try assembly.module(node, revealing: ConvolutionalHead.revealed) { parameters in
                LatentConvolutions(parameters, try LatentConvolutionsConfiguration(node))
            }
        case let other:
            throw node.error(
                "type", "expected \(TransformerHead.type) or \(LatentConvolutions.type), received '\(other)'")
        }
    }

    /// Classes, then the outputs of the encoder.
    package var outputs: [OutputDescription] {
        [OutputDescription(.classes, [head.classes])] + encoder.outputs
    }

    package var decodedLatents: [Int]? { encoder.decodedLatents }

    package func recordPicture(
        ofLatents latents: Matrix, _ image: ImageShape, in builder: PlanBuilder
    ) throws(ModelError) -> RecordedOutput {
        try encoder.recordPicture(ofLatents: latents, image, in: builder)
    }

    /// Records the encoder once for all of `outputs`.
    package func record(_ outputs: [Output], in pass: ForwardPass) throws(ModelError) -> [RecordedOutput] {
        let latents = encoder.encode(pass.scaledWeights, in: pass.builder)
        var recorded: [RecordedOutput] = []
        for output in outputs {
            if output == .classes {
                let logits = try head(pass.mixed(latents), batch: pass.batch, in: pass.builder)
                recorded.append(.classes(RecordedClasses("weights", logits)))
            } else {
                recorded += try encoder.record([output], from: latents, in: pass)
            }
        }
        return recorded
    }
}
