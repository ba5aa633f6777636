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
        for path in upload.place?.placement.unreadable ?? [] {
            notes.append(
                "'\(path.prefix(120))' beside the network cannot be read as numbers of float32, and is not given back; take it from the uploaded file"
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
        switch edit {
        case .coordinates: break
        case .output: try checkOutputs(name)
        case .convert(let preset):
            // Other values are a change of the last layer.
            if preset.notation.values != network.notation.values { try checkOutputs(name) }
        }
        let edited = try network.applying(edit)
        try checkFeatures(edited, name)
        if case .convert(let preset) = edit {
            try checkRemarks(edited, preset, name)
            conversion = preset
        }
        network = edited
        steps.append(Step(name: name, isExact: true))
    }

    /// (1 − weight) · first + weight · second as one network, with the names and the notation of the first.
    /// - Parameter parameterLimit: the most weights and biases of that network.
    package static func blend(
        _ first: EditedNetwork, _ second: EditedNetwork, weight: Double, parameterLimit: Int
    ) throws(EditError) -> EditedNetwork {
        var result = first
        try first.checkOutputs("blend")
        try second.checkOutputs("blend")
        let sum: NotatedNetwork
        do throws(EditError) {
            sum = try NotatedNetwork.weightedSum(
                [first.network, second.network], coefficients: [1 - weight, weight], parameterLimit: parameterLimit)
        } catch {
            throw error.code == .tooLarge ? EditError("blend: \(error.detail)", code: .tooLarge) : error
        }
        try result.checkFeatures(sum, "blend")
        result.network = sum
        result.isBlend = true
        result.steps.append(Step(name: "blend", isExact: true))
        return result
    }

    /// The network as a model reads it.
    /// - Parameter name: of the edit.
    /// - Throws: why the model cannot read it.
    package func prepared(for model: ServedModel, named name: String) throws(ServiceFault) -> PreparedNetwork {
        if let behind = context.outputNonlinearity {
            throw ServiceFault(
                EditError(
                    "\(name): the last layer is followed by another function (\(behind)), and model '\(model.name)' edits networks without one; leave the text out of the file if it is wrong"
                ))
        }
        do throws(NetworkError) {
            guard network.features == nil else {
                throw NetworkError(
                    NetworkMismatch(
                        .shapeMismatch, expected: "expected a network of 2 inputs",
                        received: "one behind Fourier features"))
            }
            var claims = NotationClaims()
            claims.claim(network.notation, "known")
            return try model.prepare(network.weights, claims, for: .weights)
        } catch {
            throw ServiceFault(error).naming(model)
        }
    }

    /// Takes a model's edit: U + amount · (E − U) of the weights U that the model read and its answer E. Where the answer
    /// are several networks, the edited one is their mean, and as many times as wide.
    /// - Parameter parameterLimit: the most weights and biases of the mean.
    /// - Throws: where a weight leaves the range of float32 in the network's own notation, and `internal` where the
    ///   answer is none for this network.
    package mutating func accept(
        _ answers: [NetworkWeights], to prepared: PreparedNetwork, by model: ServedModel, amount: Double,
        named name: String, parameterLimit: Int
    ) throws(ServiceFault) {
        guard case .weights(let own, _) = prepared.content, !answers.isEmpty,
            answers.allSatisfy({ $0.spec == own.spec })
        else { throw .internalFault }
        let edited = answers.map { answer in
            var edited = own
            for (index, layer) in answer.layers.enumerated() {
                edited.layers[index].weight.mix(layer.weight, amount)
                edited.layers[index].bias.mix(layer.bias, amount)
                edited.layers[index].weightName = network.weights.layers[index].weightName
                edited.layers[index].biasName = network.weights.layers[index].biasName
            }
            return NotatedNetwork(edited, model.input.transform.notation)
        }
        let mean: NotatedNetwork
        do throws(EditError) {
            mean = try NotatedNetwork.mean(edited, parameterLimit: parameterLimit)
        } catch {
            throw ServiceFault(error)
        }
        do throws(NetworkError) {
            network = try mean.converted(to: network.notation)
        } catch {
            throw ServiceFault(error)
        }
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

    /// Throws where a number or a text of the file would contradict the notation of a preset and cannot be changed.
    private func checkRemarks(
        _ edited: NotatedNetwork, _ preset: NotationPreset, _ name: String
    ) throws(EditError) {
        let remarks = Self.remarks(context, edited.weights, preset)
        guard let obstacle = place?.placement.obstacle(to: remarks) else { return }
        let path = obstacle.path.suffix(120)
        switch obstacle.why {
        case .isArray:
            throw EditError(
                "\(name):\(preset.rawValue): '\(path)' in the file is an array of one number, which cannot say the frequencies of \(preset.rawValue): \(preset.notation.omega0) in the first layer and \(preset.notation.hiddenOmega0) in the others; leave it out of the file, and say omega0 as an option"
            )
        case .isShared:
            throw EditError(
                "\(name):\(preset.rawValue): '\(path)' cannot be changed, and would contradict the new notation: it is outside of the chosen member, where it may be said of other networks, or one of several numbers in a list or a text; leave it out, or send the member as a file of its own"
            )
        }
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
        let remarks = conversion.map { Self.remarks(context, network.weights, $0) } ?? [:]
        return NetworkPlacement.Content(
            network.weights, matrix: network.features == original ? nil : network.features?.matrix, remarks: remarks)
    }

    /// What numbers and texts of the file say of a network in the notation of a preset.
    private static func remarks(
        _ context: NetworkContext, _ weights: NetworkWeights, _ preset: NotationPreset
    ) -> [String: NetworkPlacement.Remark] {
        var remarks: [String: NetworkPlacement.Remark] = [:]
        let known = NotationRemarks(context, of: weights, in: preset)
        for (path, number) in known.numbers {
            remarks[path] = number.map(NetworkPlacement.Remark.number) ?? .nothing
        }
        for (path, text) in known.texts { remarks[path] = .text(text) }
        return remarks
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
        values = zip(values, other.values).map { (u: Float, v: Float) -> Float in
            let difference = Double(v) - Double(u)
            return Float(Double(u) + amount * difference)
        }
    }
}
