import Engine
import ModelStore
import NeuralFunctionals

/// What is made small.
package struct Objective: Sendable, Equatable {
    /// Weight of the classes' cross-entropy, of each part of the model that classifies.
    package var classification: Float = 1
    /// Weight of the mean squared error between the network's picture and the one drawn from its latents.
    package var reconstruction: Float = 0
    package var labelSmoothing: Float = 0
    /// Parameter of the beta distribution that mixup draws its shares from; none for 0.
    package var mixup: Float = 0

    package init() {}
}

/// A model's forward pass over a few networks with everything that is compared with what is wanted.
struct RecordedModel: Sendable {
    let input: WeightSpaceFeatures
    /// (batch, classes); rows sum to 1.
    let targets: Matrix?
    /// (batch, 1): how much of its own each network keeps, where networks are mixed.
    let share: Matrix?
    /// Class logits of every part that has an opinion: weights, then probes.
    let logits: [Matrix]
    /// (batch, 1) each: what the objective adds up, in the order of `names`, and its weight.
    let losses: [(matrix: Matrix, weight: Float)]
    let names: [String]
    /// (batch, pixels · channels): pictures drawn from latents and by the networks themselves.
    let pictures: (drawn: Matrix, own: Matrix)?

    init(
        _ networks: ServedNetworks, _ manifest: ModelManifest, _ objective: Objective, batch: Int, isTraining: Bool,
        in builder: PlanBuilder
    ) throws(ModelError) {
        let spec = manifest.input.spec
        let x = WeightSpaceFeatures(spec, batch: batch, channels: 1, in: builder)
        input = x
        var losses: [(matrix: Matrix, weight: Float)] = []
        var names: [String] = []
        let latents = networks.encoder.map { $0.encode(networks.scaled(x, in: builder), in: builder) }
        if objective.classification > 0 {
            let targets = builder.matrix(rows: batch, columns: manifest.labels.count)
            self.targets = targets
            let share = isTraining && objective.mixup > 0 ? builder.matrix(rows: batch, columns: 1) : nil
            self.share = share
            let opinions = try networks.opinions(
                x, latents: latents, mix: share.map { share in { builder.mixRows($0, share: share) } }, in: builder)
            let parts = [("weights", opinions.weights), ("probes", opinions.probes)].compactMap { name, logits in
                logits.map { (name, $0) }
            }
            guard !parts.isEmpty else { throw ModelError("the model does not classify") }
            logits = parts.map(\.1)
            for (name, logits) in parts {
                losses.append((builder.crossEntropy(logits, targets), objective.classification))
                names.append("loss_\(name)")
            }
        } else {
            (targets, share, logits) = (nil, nil, [])
        }
        if objective.reconstruction > 0 {
            guard let encoder = networks.encoder, let latents, let image = manifest.input.image else {
                throw ModelError("a reconstruction needs an encoder and input.image")
            }
            func rows(_ pixels: Matrix) -> Matrix {
                pixels.reshaped(rows: batch, columns: image.pixels * image.channels)
            }
            let drawn = rows(encoder.decoder.draw(latents, batch: batch, in: builder))
            let own = rows(
                encoder.decoder.drawInputs(
                    x, omega0: Float(manifest.input.omega0), convention: manifest.input.convention, in: builder))
            pictures = (drawn, own)
            losses.append((builder.squaredError(drawn, own), objective.reconstruction))
            names.append("loss_reconstruction")
        } else {
            pictures = nil
        }
        self.losses = losses
        self.names = names
    }

    /// Everything that is written before a run or read after it.
    var ends: [Matrix] {
        input.arrays + [targets, share].compactMap { $0 } + logits + losses.map(\.matrix)
            + (pictures.map { [$0.drawn, $0.own] } ?? [])
    }
}
