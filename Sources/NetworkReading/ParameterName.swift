/// A tensor's name split into its role, weight or bias, and the rest, which names the layer.
///
/// The role is the last run of letters that is a role word, in `net.0.linear.weight`, `weights.0`, `layers.0.w`, `W0`,
/// `l1b` and `Dense_0/kernel` alike.
struct ParameterName {
    enum Role: Equatable { case weight, bias }

    let role: Role?
    /// The role word as it is written in the name; empty without a role.
    let word: String
    /// The name without its role word, which is the same for a layer's weight and bias.
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

    /// Whether the name is only a role word, without a layer.
    var isBareRole: Bool { role != nil && prefix.isEmpty && suffix.isEmpty }
    /// Whether the role word is a plural, which a list of the arrays of all layers has.
    var isPlural: Bool { ["weights", "kernels", "biases"].contains(word.lowercased()) }
    var usesKernelWord: Bool { word.lowercased() == "kernel" }

    /// The name that the same layer's other tensor would have, for messages about a missing tensor.
    /// - Parameter siblings: the role words that occur together in other layers of the file, each to its counterpart.
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
