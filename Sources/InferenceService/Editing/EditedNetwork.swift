import ModelStore
import Models
import NetworkReading
import Networks
import SIREN
import Tensors
import Uploads
import WeightFormats

/// A network of an upload on its way through the steps of `edits`.
package struct EditedNetwork: Sendable {
    /// A step that was done.
    package struct Step: Sendable, Hashable {
        package let name: String
        /// Whether the picture is the edited picture by a formula, rather than by a model.
        package let isExact: Bool
    }

    /// As it is now.
    package private(set) var network: NotatedNetwork
    /// In order.
    package private(set) var steps: [Step] = []
    /// Whether it was made of two networks, so that nothing but the first one's file is left of the upload.
    package private(set) var isBlend = false
    private let context: NetworkContext
    private let place: NetworkPlace?
    private let detected: NotationReading
    private let original: FourierFeatures?
    /// The notation of the last step `convert`.
    private var conversion: NotationPreset?
    private var notes: [String] = []

    /// - Parameter claims: what the client says of its notation.
    package init(_ upload: UploadedNetwork, _ claims: NotationClaims) {
        detected = NotationDetector.read(upload.weights, claims: claims, context: upload.context)
        network = NotatedNetwork(upload.weights, detected.notation, features: detected.features)
        original = detected.features
        context = upload.context
        place = upload.place
        for name in upload.place?.placement.replaced ?? [] {
            notes.append(
                "'\(name)' was computed of several arrays; the plain weight stands in their place, so remove the parametrisation from the module before it loads the file"
            )
        }
    }

    /// How it is read now.
    package var reading: NotationReading {
        var warnings = detected.warnings + notes
        guard let conversion else {
            return NotationReading(
                notation: detected.notation, reasons: detected.reasons, isConfident: detected.isConfident,
                undetermined: detected.undetermined, warnings: warnings, features: network.features)
        }
        warnings.append(
            "the weights are in the notation \(conversion.rawValue) now, which names of tensors may contradict: say convention=\(conversion.rawValue) where they are read"
        )
        let reason = "converted from \(detected.name)"
        return NotationReading(
            notation: network.notation,
            reasons: Dictionary(uniqueKeysWithValues: NotationPart.allCases.map { ($0, reason) }),
            isConfident: detected.isConfident, warnings: warnings, features: network.features)
    }

    // MARK: Steps

    /// Does an exact step.
    package mutating func apply(_ edit: ExactEdit, named name: String) throws(EditError) {
        if case .output = edit { try checkOutputs(name) }
        let edited = try network.applying(edit)
        try checkFeatures(edited, name)
        network = edited
        if case .convert(let preset) = edit { conversion = preset }
        steps.append(Step(name: name, isExact: true))
    }

    /// (1 − weight) · first + weight · second as one network, with the names and the notation of the first.
    package static func blend(
        _ first: EditedNetwork, _ second: EditedNetwork, weight: Double
    ) throws(EditError) -> EditedNetwork {
        var result = first
        try first.checkOutputs("blend")
        try second.checkOutputs("blend")
        let sum = try NotatedNetwork.weightedSum([first.network, second.network], coefficients: [1 - weight, weight])
        try result.checkFeatures(sum, "blend")
        result.network = sum
        result.isBlend = true
        result.steps.append(Step(name: "blend", isExact: true))
        return result
    }

    /// The network as a model reads it.
    /// - Throws: why the model cannot read it.
    package func prepared(for model: ServedModel) throws(NetworkError) -> PreparedNetwork {
        guard network.features == nil else {
            throw NetworkError(
                NetworkMismatch(
                    .shapeMismatch, expected: "expected a network of 2 inputs", received: "one behind Fourier features")
            )
        }
        var claims = NotationClaims()
        claims.claim(network.notation, "known")
        return try model.prepare(network.weights, claims, for: .weights)
    }

    /// Takes a model's edit: U + amount · (E − U) of the weights U that the model read and its answer E.
    /// - Throws: where a weight leaves the range of float32 in the network's own notation.
    package mutating func accept(
        _ answer: NetworkWeights, to prepared: PreparedNetwork, by model: ServedModel, amount: Double,
        named name: String
    ) throws(NetworkError) {
        guard case .weights(var own, _) = prepared.content, own.spec == answer.spec else { return }
        for (index, layer) in answer.layers.enumerated() {
            own.layers[index].weight.mix(layer.weight, amount)
            own.layers[index].bias.mix(layer.bias, amount)
            own.layers[index].weightName = network.weights.layers[index].weightName
            own.layers[index].biasName = network.weights.layers[index].biasName
        }
        network = try NotatedNetwork(own, model.input.transform.notation).converted(to: network.notation)
        steps.append(Step(name: name, isExact: false))
    }

    private func checkOutputs(_ name: String) throws(EditError) {
        guard let behind = context.outputNonlinearity else { return }
        throw EditError(
            "\(name): the last layer is followed by another function (\(behind)), so that no weights give the edited values exactly; leave the text out of the file if it is wrong"
        )
    }

    private func checkFeatures(_ edited: NotatedNetwork, _ name: String) throws(EditError) {
        guard edited.features != original, place?.placement.hasFeatures != true else { return }
        throw EditError(
            "\(name): the edit changes the matrix of Fourier features, which other networks of the file share; send each network as a file of its own, with its matrix"
        )
    }

    // MARK: Writing

    /// Whether the uploaded file has the form of several networks, which a file of the answer keeps.
    package var isPartOfBatch: Bool { !isBlend && (place?.placement.isStack ?? false) }

    /// The file's member that holds this network, with the edited weights under its own names.
    package var alone: FileTree { marked(place?.placement.alone(content) ?? network.weights.tree) }

    /// One file of several networks.
    /// - Parameter networks: all networks of the upload.
    /// - Returns: nil where they came in several files.
    package static func together(_ networks: [EditedNetwork]) -> FileTree? {
        guard let first = networks.first, let file = first.place?.file,
            networks.allSatisfy({ $0.place?.file == file }), var tree = first.place?.placement.tree
        else { return nil }
        var start = 0
        while start < networks.count {
            let place = networks[start].place
            let group = networks[start...].prefix { $0.place?.group == place?.group }
            place?.placement.write(group.map(\.content), into: &tree)
            start += group.count
        }
        return first.marked(tree)
    }

    private var content: NetworkPlacement.Content {
        var remarks: [String: NetworkPlacement.Remark] = [:]
        if let conversion {
            let known = NotationRemarks(context, of: network.weights, in: conversion)
            for (path, number) in known.numbers {
                remarks[path] = number.map(NetworkPlacement.Remark.number) ?? .nothing
            }
            for (path, text) in known.texts { remarks[path] = .text(text) }
        }
        return NetworkPlacement.Content(
            network.weights, matrix: network.features == original ? nil : network.features?.matrix, remarks: remarks)
    }

    /// The tree with the name of the notation, where the network was converted and the format has a place for it.
    private func marked(_ tree: FileTree) -> FileTree {
        conversion.map { tree.settingMetadata("convention", to: $0.rawValue) } ?? tree
    }
}

extension NetworkWeights {
    /// The layers as a dict of arrays.
    fileprivate var tree: FileTree {
        .dict(stateDict.entries.map { FileTree.Member(key: $0.name, value: .array($0.tensor, $0.elementType)) })
    }
}

extension Tensor {
    /// u + amount · (v − u), in float64 and rounded once; v itself for an amount of 1.
    fileprivate mutating func mix(_ other: Tensor, _ amount: Double) {
        guard amount != 1 else {
            values = other.values
            return
        }
        values = zip(values, other.values).map { Float(Double($0) + amount * (Double($1) - Double($0))) }
    }
}
