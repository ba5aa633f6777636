/// What a zip archive holds, by the names and contents of its entries. Folders, files that systems add on their own, and
/// files of no known format are passed over.
struct ArchiveContent {
    /// The readable files of an archive.
    private enum Files {
        /// The pickles of PyTorch, each with its storages in its folder.
        case torch([ZipEntry])
        /// NumPy's arrays.
        case arrays([ZipEntry])
        /// Files of other formats, and archives.
        case nested([(entry: ZipEntry, format: FileFormat)])
    }

    private let archive: ZipArchive
    private let files: Files

    /// The format of the archive, or of the first file in it.
    var format: FileFormat {
        switch files {
        case .torch: .torch
        case .arrays: .npz
        case .nested(let files): files[0].format
        }
    }

    /// - Parameter isNested: whether the archive is itself in one, and may hold no further archives.
    /// - Throws: `unknown_format` with the names of the entries where none can be read; `unsafe_pickle` for TorchScript.
    init(_ archive: ZipArchive, isNested: Bool = false) throws(FormatError) {
        self.archive = archive
        let entries = archive.entries.filter { !$0.isSystemFile }
        let pickles = entries.filter { $0.isNamed("data.pkl") }
        if !pickles.isEmpty {
            for pickle in pickles {
                let folder = pickle.name.dropLast("data.pkl".count)
                guard archive.entry(folder + "constants.pkl") == nil else {
                    throw FormatError(
                        .unsafePickle,
                        "a TorchScript archive, which holds code; save the state_dict of the module instead: "
                            + "torch.save(torch.jit.load(path).state_dict(), path)")
                }
            }
            files = .torch(pickles)
            return
        }
        let arrays = entries.filter { $0.hasSuffix(".npy") }
        if !arrays.isEmpty {
            files = .arrays(arrays)
            return
        }
        if let description = Self.describe(entries) { throw FormatError(.unknownFormat, description) }
        var nested: [(entry: ZipEntry, format: FileFormat)] = []
        var foreign: FormatError?
        for entry in isNested ? [] : entries {
            let content = try archive.read(entry)
            do throws(FormatError) {
                if let format = try Self.format(of: content, entry, archive) { nested.append((entry, format)) }
            } catch {
                foreign = foreign ?? error.within("entry \(quoted(entry.name)) of the zip archive")
            }
        }
        // A configuration in JSON is often beside weights.
        if let foreign, nested.allSatisfy({ $0.format == .json }) { throw foreign }
        if nested.isEmpty { throw Self.unknown(archive, entries) }
        files = .nested(nested)
    }

    /// The format of a file in an archive; nil for one of no known format. JSON must have its suffix, since many texts
    /// begin with a bracket.
    /// - Throws: the error of a file that is recognised, but not read.
    private static func format(
        of content: ArraySlice<UInt8>, _ entry: ZipEntry, _ archive: ZipArchive
    ) throws(FormatError) -> FileFormat? {
        if FileFormat.isArchive(content) {
            return try ArchiveContent(try archive.nested(content), isNested: true).format
        }
        if let format = FileFormat.recognise(content) {
            return format == .json && !entry.hasSuffix(".json") ? nil : format
        }
        if let refusal = FileFormat.refusal(content) { throw refusal }
        return nil
    }

    /// What an archive of these names is and how to convert it; nil where that cannot be told.
    private static func describe(_ entries: [ZipEntry]) -> String? {
        if entries.contains(where: { $0.isNamed("model.weights.h5") }) {
            return "a Keras model, whose weights are HDF5; convert it: numpy.savez(path, *model.get_weights())"
        }
        if entries.contains(where: { $0.isNamed("saved_model.pb") }) {
            return "a TensorFlow SavedModel; convert it: numpy.savez(path, *model.get_weights())"
        }
        return nil
    }

    private static func unknown(_ archive: ZipArchive, _ entries: [ZipEntry]) -> FormatError {
        let listed = entries.prefix(4).map { quoted($0.name) }.joined(separator: ", ")
        return FormatError(
            .unknownFormat,
            "a zip archive of \(archive.entries.count) entries (\(listed)\(entries.count > 4 ? ", …" : "")) without "
                + "weights, expected */data.pkl (PyTorch), *.npy (NumPy), or files of another format that is read")
    }

    /// The tree of the archive's only file, or a dict of several by name.
    func tree(_ builder: inout TreeBuilder) throws(FormatError) -> FileTree {
        switch files {
        case .torch(let pickles):
            if pickles.count == 1 { return try TorchReader.read(archive, pickles[0], &builder) }
            return try dict(pickles, dropping: "/data.pkl", &builder) {
                (entry, builder) throws(FormatError) in
                try TorchReader.read(archive, entry, &builder)
            }
        case .arrays(let arrays):
            return try dict(arrays, dropping: ".npy", &builder) {
                (entry, builder) throws(FormatError) in
                try NPYReader.read(try archive.read(entry), &builder)
            }
        case .nested(let files):
            if files.count == 1 { return try read(files[0].entry, &builder) }
            return try dict(files.map(\.entry), dropping: "", &builder) {
                (entry, builder) throws(FormatError) in
                do throws(FormatError) {
                    return try read(entry, &builder)
                } catch  where error.code == .inflatedTooLarge || error.code == .batchTooLarge {
                    throw error
                } catch {
                    return .unreadable(error.within(quoted(entry.name)))
                }
            }
        }
    }

    private func read(_ entry: ZipEntry, _ builder: inout TreeBuilder) throws(FormatError) -> FileTree {
        let content = try archive.read(entry)
        if FileFormat.isArchive(content) {
            let inner = try archive.nested(content)
            try builder.chargeInflated(inner.inflatedBytes)
            return try ArchiveContent(inner, isNested: true).tree(&builder)
        }
        guard let format = FileFormat.recognise(content) else { throw ForeignFormat.error(content) }
        return try WeightFile.tree(of: content, format, &builder).0
    }

    /// A dict of entries by their names, without a suffix and the folder that all have in common.
    private func dict(
        _ entries: [ZipEntry], dropping suffix: StaticString, _ builder: inout TreeBuilder,
        _ read: (ZipEntry, inout TreeBuilder) throws(FormatError) -> FileTree
    ) throws(FormatError) -> FileTree {
        let folder = Self.commonFolder(entries, dropping: suffix)
        var members: [FileTree.Member] = []
        for entry in entries {
            let name = String(
                decoding: entry.name.utf8.dropFirst(folder).dropLast(suffix.utf8CodeUnitCount), as: UTF8.self)
            try builder.enter(.key(name))
            members.append(FileTree.Member(key: name, value: try read(entry, &builder)))
            builder.leave()
        }
        return .dict(members)
    }

    /// The length as UTF-8 of the folder in which all entries are, with its slash; their names without the suffix are
    /// longer.
    private static func commonFolder(_ entries: [ZipEntry], dropping suffix: StaticString) -> Int {
        guard let first = entries.first else { return 0 }
        var folder = first.name.utf8.dropLast(suffix.utf8CodeUnitCount)
        while let slash = folder.lastIndex(of: UInt8(ascii: "/")) {
            folder = folder[...slash]
            if entries.allSatisfy({ $0.name.utf8.starts(with: folder) }) { return folder.count }
            folder = folder.dropLast()
        }
        return 0
    }
}
