import Networks

extension NetworkContext {
    /// What a file says of a function behind the last layer, such as `final_activation = 'sigmoid'`, as a clause; nil where
    /// it says nothing or that there is none. The drawn function has none, and edits of outputs are exact only without one.
    package var outputNonlinearity: String? {
        for text in texts {
            let last = text.path.split(whereSeparator: { $0 == "." || $0 == "/" }).last ?? ""
            let key = last.lowercased().filter { $0.isLetter }
            let value = text.value.lowercased().filter { $0.isLetter }
            guard Self.keys.contains(key), !Self.linear.contains(value) else { continue }
            return "\(text.path.suffix(60)) = '\(text.value.prefix(24))' in the file"
        }
        return nil
    }

    private static let keys: Set = [
        "finalactivation", "outputactivation", "lastactivation", "outactivation", "outeractivation",
        "outermostactivation", "finalnonlinearity", "outputnonlinearity", "lastnonlinearity",
    ]
    private static let linear: Set = ["", "none", "null", "linear", "identity", "nnidentity", "torchnnidentity", "nil"]
}
