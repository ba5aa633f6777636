import Tensors

/// Members under which checkpoints keep the weights, in the order they are tried.
let wrapperNames = ["state_dict", "model_state_dict", "model", "nfnet", "weights"]

extension StateDict {
    /// The entries without `module.` (data parallel) and `_orig_mod.` (compiled) prefixes that all names share.
    package var unwrapped: StateDict {
        var current = self
        // Bounded, because a hostile name can repeat a prefix thousands of times.
        for _ in 0..<4 {
            guard let prefix = ["module.", "_orig_mod."].first(where: { current.isWrapped(in: $0) }) else { break }
            current = current.scoped(prefix)
        }
        return current
    }

    private func isWrapped(in prefix: String) -> Bool {
        count > 0 && entries.allSatisfy { $0.name.hasPrefix(prefix) && $0.name.utf8.count > prefix.utf8.count }
    }
}
