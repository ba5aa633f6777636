/// Reads files of `torch.save` since PyTorch 1.6: a zip archive of a pickle and raw storages.
enum TorchReader {
    /// - Parameter pickle: the archive's `data.pkl`; its storages are in the same folder.
    static func read(
        _ archive: ZipArchive, _ pickle: ZipEntry, _ builder: inout TreeBuilder
    ) throws(FormatError) -> FileTree {
        let folder = String(pickle.name.dropLast("data.pkl".count))
        let (root, heap, _, _) = try PickleMachine.run(
            try archive.read(pickle), name: "data.pkl", place: .archive, limits: builder.limits)
        let storages = try TorchStorages(archive, folder: folder, limits: builder.limits)
        var tree = PickleTree(heap, storages: storages, limits: builder.limits)
        return try tree.tree(root, &builder)
    }
}
