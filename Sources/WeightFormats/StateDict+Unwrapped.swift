import Tensors

extension StateDict {
    /// The entries without the prefixes `module.` (of `DataParallel`) and `_orig_mod.` (of `torch.compile`) where all
    /// names have them.
    package var unwrapped: StateDict {
        var current = self
        // At most 4 prefixes, since a hostile file can repeat one thousands of times.
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
