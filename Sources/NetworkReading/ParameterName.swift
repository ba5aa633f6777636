/// What a tensor's name says: whether it is a weight or a bias, and of which layer.
///
/// The last run of letters that is a role word decides, so that all of `net.0.linear.weight`, `weights.0`, `layers.0.w`,
/// `W0`, `l1b` and `Dense_0/kernel` are understood.
struct ParameterName {
    enum Role: Equatable { case weight, bias }

    let role: Role?
    /// The role word as the name spells it; empty without a role.
    let word: String
    /// The name without its role word: a layer's weight and bias share it.
    let layerKey: String
    private let prefix: Substring
    private let suffix: Substring

    init(_ name: String) {
        let runs = name.utf8.split { !(UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20) }.map(Substring.init)
        guard let run = runs.last(where: { Self.roles[$0.lowercased()] != nil }) else {
            role = nil
            word = ""
            layerKey = name
            prefix = name[...]
            suffix = ""
            return
        }
        role = Self.roles[run.lowercased()]
        word = String(run)
        prefix = name[..<run.startIndex]
        suffix = name[run.endIndex...]
        layerKey = prefix + "\u{0}" + suffix
    }

    /// Whether the name is a role word and nothing else, so that it names no layer.
    var isBareRole: Bool { role != nil && prefix.isEmpty && suffix.isEmpty }
    var usesKernelWord: Bool { word.lowercased() == "kernel" }

    /// The name that the same layer's other tensor would have.
    /// - Parameter siblings: role words as another layer of the file pairs them.
    func partner(siblings: [String: String]) -> String {
        let other = siblings[word] ?? Self.partners[word.lowercased()] ?? "bias"
        return prefix + other + suffix
    }

    private static let roles: [String: Role] = [
        "weight": .weight, "weights": .weight, "kernel": .weight, "kernels": .weight, "w": .weight,
        "bias": .bias, "biases": .bias, "b": .bias,
    ]

    private static let partners = [
        "weight": "bias", "weights": "biases", "kernel": "bias", "kernels": "biases", "w": "b",
        "bias": "weight", "biases": "weights", "b": "w",
    ]
}
