import Engine
import NeuralFunctionals
import SIREN

/// An `Inr2Array` and a `TransformerHead` that classifies its latents (Zhou et al., arXiv 2305.13546, §4.2).
package struct LatentClassifier: Model {
    package static let type = "LatentClassifier"

    private let encoder: Inr2Array
    private let head: TransformerHead

    /// Members of the node: `encoder`, a node of type `AutoEncoder`, and `head`, one of type `TransformerClassifier`.
    /// - Throws: also where the head does not read as many or as wide latents as the encoder makes.
    package init(_ settings: Settings, _ assembly: ModelAssembly) throws {
        let node = try settings.section("encoder")
        guard let encoder = try assembly.model(node) as? Inr2Array else {
            throw node.error("type", "expected \(Inr2Array.type)")
        }
        self.encoder = encoder
        let headNode = try settings.section("head")
        guard try headNode.text("type") == TransformerHead.type else {
            throw headNode.error("type", "expected \(TransformerHead.type)")
        }
        head = try assembly.module(headNode, revealing: TransformerHeadConfiguration.revealed) { parameters in
            try TransformerHead(parameters, try TransformerHeadConfiguration(headNode))
        }
        let configuration = head.configuration
        guard encoder.latentCount <= configuration.positions, encoder.latentWidth == configuration.latentWidth else {
            throw ModelError(
                "the classifier reads at most \(configuration.positions) latents of \(configuration.latentWidth), the encoder makes \(encoder.latentCount) of \(encoder.latentWidth)"
            )
        }
    }

    /// Classes, then the outputs of the encoder.
    package var outputs: [OutputDescription] {
        [OutputDescription(.classes, [head.configuration.classes])] + encoder.outputs
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
