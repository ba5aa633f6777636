import Engine
import Models
import NetworkReading
import Networks
import SIREN
import Tensors

/// How a model's answer is tested against equivalent weights of the same network.
package struct Certification: Sendable, Equatable {
    /// Random changes of each kind, from 1 to `mostTrials`.
    package var trials: Int
    /// Of the changes; nil derives it from the network's weights, so that the same network is always tested alike.
    package var seed: UInt64?

    /// The most changes of each kind.
    package static let mostTrials = 32
    /// The greatest seed, which JSON readers keep exactly.
    package static let greatestSeed: UInt64 = 1 << 53

    /// - Parameter trials: from 1 to `mostTrials`; not checked.
    package init(trials: Int, seed: UInt64? = nil) {
        self.trials = trials
        self.seed = seed
    }
}

/// Random weights that compute the same function as an uploaded network, each read as the network itself was.
package struct SymmetryTrials: Sendable {
    /// The kinds of change that the network has.
    package let kinds: [HiddenSymmetry]
    /// Changes of each kind.
    package let trials: Int
    /// Of the changes.
    package let seed: UInt64
    /// The changed networks of the first kind, then those of the next; a failure for one that the model does not read.
    private let networks: [Result<PreparedNetwork.Content, NetworkError>]

    fileprivate init(
        _ kinds: [HiddenSymmetry], trials: Int, seed: UInt64,
        _ networks: [Result<PreparedNetwork.Content, NetworkError>]
    ) {
        (self.kinds, self.trials, self.seed, self.networks) = (kinds, trials, seed, networks)
    }

    /// What a model is to compute.
    package var contents: [PreparedNetwork.Content] { networks.compactMap { try? $0.get() } }

    /// - Parameters:
    ///   - answer: to the network itself.
    ///   - answers: to `contents`, in their order; nil for one without an answer.
    package func drift(from answer: Answer, to answers: [Answer?]) -> Drift {
        var remaining = answers.makeIterator()
        let own = answer.certified
        var changes: [Drift.Change] = []
        for (place, kind) in kinds.enumerated() {
            var largest: Float? = 0
            for network in networks[place * trials..<(place + 1) * trials] {
                guard case .success = network, let other = (remaining.next() ?? nil)?.certified,
                    other.count == own.count
                else {
                    largest = nil
                    continue
                }
                let change = zip(own, other).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
                largest = largest.map { max($0, change) }
            }
            changes.append(Drift.Change(kind: kind, largest: largest))
        }
        return Drift(changes: changes, trials: trials, seed: seed)
    }
}

/// How much a model's answer to a network changes where the network's weights are replaced by equivalent ones.
package struct Drift: Sendable, Equatable {
    /// The change for one kind.
    package struct Change: Sendable, Equatable {
        package let kind: HiddenSymmetry
        /// The largest absolute change of a score (a probability), a latent, a predicted number or a pixel; nil where one of
        /// the changed networks has no answer.
        package let largest: Float?
    }

    /// One for each kind that the network has.
    package let changes: [Change]
    /// Changes of each kind.
    package let trials: Int
    /// Of the changes.
    package let seed: UInt64
}

extension Answer {
    /// The numbers whose changes `Drift` measures.
    fileprivate var certified: [Float] {
        if case .classes(let classes) = self { return classes.scores.probabilities }
        return values
    }
}

extension PreparedNetwork {
    /// The kinds of change that leave the network's function the same; none without hidden layers.
    package var symmetries: [HiddenSymmetry] {
        guard network.layers.count > 1 else { return [] }
        return HiddenSymmetry.all(of: reading?.notation.activation ?? convolutional?.activation ?? .sine)
    }
}

extension ServedModel {
    /// Changes an uploaded network at random, and prepares every changed one from the start, as if it had been uploaded:
    /// its notation is found anew, too. Of a CNN the activation and the order of a flat vector are taken over, since to
    /// find them it is run several times.
    /// - Parameters:
    ///   - prepared: by this model.
    ///   - output: what the model is to answer.
    package func trials(
        of prepared: PreparedNetwork, for output: Output, _ certification: Certification
    ) -> SymmetryTrials {
        let kinds = prepared.symmetries
        let seed = certification.seed ?? prepared.network.contentSeed
        var (claims, context) = (prepared.claims, prepared.context)
        if let reading = prepared.convolutional {
            claims.claim(activation: reading.activation, "that of the network as it was sent")
            context.layout = nil
        }
        let notation = prepared.reading?.notation ?? Notation()
        var networks: [Result<PreparedNetwork.Content, NetworkError>] = []
        for (place, kind) in kinds.enumerated() {
            for trial in 0..<certification.trials {
                var random = RandomSource(seed: seed &+ UInt64(place) << 58 &+ UInt64(trial) << 53)
                let changed = kind.changing(prepared.network, factor: notation.factor(ofLayer:), &random)
                networks.append(
                    Result { () throws(NetworkError) in
                        try prepare(changed, claims, context: context, for: output, canTry: false).content
                    })
            }
        }
        return SymmetryTrials(kinds, trials: certification.trials, seed: seed, networks)
    }
}

extension NetworkWeights {
    /// A number below 2⁵³ that follows from the bits of all values: FNV-1a over 32-bit words, mixed once more.
    fileprivate var contentSeed: UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for layer in layers {
            for value in layer.weight.values { hash = (hash ^ UInt64(value.bitPattern)) &* 0x100_0000_01b3 }
            for value in layer.bias.values { hash = (hash ^ UInt64(value.bitPattern)) &* 0x100_0000_01b3 }
        }
        var mixer = RandomSource(seed: hash)
        return mixer.next() >> 11
    }
}
