import WeightFormats

/// The older, flat form of `config.json`, with `task` and the sections `encoder`, `classifier`, `network` and `probe`
/// at the top level, converted to the equivalent `model` node.
struct FlatConfiguration {
    let node: JSONValue
    /// For error messages: the path in the document of each object of `node`, keyed by its path in `node`.
    let authorPaths: [String: String]
    let classifies: Bool

    private enum Task: String, CaseIterable {
        case classify
        case encode
        case predictAccuracy = "predict_accuracy"
    }

    /// - Parameter path: the path of this configuration in a larger document; empty where it is the document.
    /// - Throws: `SettingError` or `ModelError`, where sections are missing for the task.
    init(_ settings: Settings, path: String) throws {
        let task: Task = try settings.choice("task")
        classifies = task == .classify
        let encoder = try Self.section("encoder", ["AutoEncoder"], settings)
        let classifier = try Self.section("classifier", ["TransformerClassifier"], settings)
        let network = try Self.section("network", ["InvariantNFN", "StatNet"], settings)
        let probe = try Self.section("probe", ["ProbeClassifier"], settings)
        let share = settings.value("probe_share")
        if network != nil,
            let name = [("encoder", encoder), ("classifier", classifier)].first(where: { $0.1 != nil })?.0
        {
            throw settings.error(name, "has no effect beside 'network'; remove one of them")
        }
        if classifier != nil, encoder == nil { throw settings.error("classifier", "has no effect without 'encoder'") }
        if share != nil, probe == nil { throw settings.error("probe_share", "has no effect without 'probe'") }
        switch task {
        case .classify:
            let isClassifier = network?["type"]?.string == InvariantNFN.type
            guard isClassifier || (network == nil && probe != nil) || (encoder != nil && classifier != nil) else {
                throw ModelError(
                    "task 'classify' needs an encoder and a classifier, an InvariantNFN network or a probe")
            }
        case .encode:
            guard encoder != nil else { throw ModelError("task 'encode' needs an encoder") }
        case .predictAccuracy:
            guard let network else { throw ModelError("task 'predict_accuracy' needs a network") }
            if let outputs = network["num_out"]?.int, outputs != 1 {
                throw ModelError("task 'predict_accuracy' needs one output, received \(outputs)")
            }
        }
        func full(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
        var paths: [String: String] = [:]
        /// The node of the part that reads weights, if there is one, to be put at the path `place`.
        func weights(at place: String) -> JSONValue? {
            if let network {
                paths[place] = full("network")
                return network
            }
            guard let encoder else { return nil }
            guard let classifier else {
                paths[place] = full("encoder")
                return encoder
            }
            paths["\(place).encoder"] = full("encoder")
            paths["\(place).head"] = full("classifier")
            return Self.object(["type": .string("LatentClassifier"), "encoder": encoder, "head": classifier])
        }
        guard let probe else {
            (node, authorPaths) = (weights(at: "model") ?? .null, paths)
            return
        }
        guard let weights = weights(at: "model.weights") else {
            (node, authorPaths) = (probe, ["model": full("probe")])
            return
        }
        try settings.demand("probe_share", Ensemble.shareHint)
        paths["model.probes"] = full("probe")
        paths["model.probe_share"] = full("probe_share")
        authorPaths = paths
        node = Self.object([
            "type": .string("Ensemble"), "weights": weights, "probes": probe, "probe_share": share ?? .number(0.5),
        ])
    }

    /// A section whose member `model` becomes the node's `type`.
    private static func section(_ name: String, _ types: [String], _ settings: Settings) throws -> JSONValue? {
        guard let value = settings.value(name) else { return nil }
        guard let members = value.members else { throw settings.error(name, "expected an object") }
        guard let model = value["model"]?.string else { throw settings.error("\(name).model", "is missing") }
        guard types.contains(model) else {
            throw settings.error("\(name).model", "expected \(types.joined(separator: " or ")), received '\(model)'")
        }
        return .object([JSONMember("type", .string(model))] + members.filter { $0.name != "model" })
    }

    private static func object(_ members: [String: JSONValue]) -> JSONValue {
        .object(members.sorted { $0.key < $1.key }.map { JSONMember($0.key, $0.value) })
    }
}
