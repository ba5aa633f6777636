import Tensors

/// The content of a file of weights of any format.
package struct WeightFile: Sendable {
    package let format: FileFormat
    /// What the file holds, as its library nested it.
    package let tree: FileTree
    /// The `__metadata__` of a safetensors file; empty for other formats.
    package let metadata: [String: String]

    /// Reads a file of any format, which is recognised by the content. No code in the file is executed.
    ///
    /// A gzip file is inflated first. All element types become float32: integers and booleans where that is exact.
    package static func read(
        _ bytes: [UInt8], limits: FormatLimits = FormatLimits()
    ) throws(FormatError) -> WeightFile {
        guard bytes.count <= limits.maxInflatedBytes else {
            throw FormatError(
                .inflatedTooLarge, "a file of \(bytes.count) bytes, expected at most \(limits.maxInflatedBytes)")
        }
        if bytes.starts(with: [0x1f, 0x8b]) {
            return try readPlain(try CompressedStream.gzip.decode(bytes, limits: limits), limits: limits)
        }
        return try readPlain(bytes, limits: limits)
    }

    private static func readPlain(_ bytes: [UInt8], limits: FormatLimits) throws(FormatError) -> WeightFile {
        var builder = TreeBuilder(limits: limits)
        if FileFormat.isArchive(bytes) {
            let content = try ArchiveContent(ZipArchive(bytes, limits: limits))
            return WeightFile(format: content.format, tree: try content.tree(&builder), metadata: [:])
        }
        let format = try FileFormat.detect(bytes, limits: limits)
        let (tree, metadata) = try tree(of: bytes[...], format, &builder)
        return WeightFile(format: format, tree: tree, metadata: metadata)
    }

    /// The tree of content that is no archive, and the metadata of safetensors.
    static func tree(
        of bytes: ArraySlice<UInt8>, _ format: FileFormat, _ builder: inout TreeBuilder
    ) throws(FormatError) -> (FileTree, [String: String]) {
        switch format {
        case .safetensors: return try SafetensorsReader.read(bytes, &builder)
        case .npy: return (try NPYReader.read(bytes, &builder), [:])
        case .json: return (try JSONTreeReader.read(Array(bytes), &builder), [:])
        case .pickle: return (try PickleReader.read(bytes, &builder), [:])
        case .npz, .torch: throw FormatError(.internal, "an archive in place of its content")
        }
    }

    /// The arrays of a dict as named tensors, with the file's metadata; an array alone is named `arr_0`, as NumPy does.
    ///
    /// Of a dict without arrays, the only dict in it that has some is taken: checkpoints keep parameters in a member such
    /// as `state_dict`. Integer scalars, and values that are no arrays, are passed over.
    /// - Throws: `malformed` for other trees and where there is no array, and the error of an array that is unreadable.
    package func stateDict() throws(FormatError) -> StateDict {
        var entries: [NamedTensor] = []
        switch tree.parameters {
        case .array(let tensor, let type):
            entries.append(NamedTensor(name: NPYReader.unnamed, tensor: tensor, elementType: type))
        case .dict(let members):
            entries.reserveCapacity(members.count)
            for member in members {
                switch member.value {
                case .array(let tensor, let type) where tensor.rank > 0 || type.isFloatingPoint:
                    entries.append(NamedTensor(name: member.key, tensor: tensor, elementType: type))
                case .unreadable(let error): throw error
                default: break
                }
            }
        case .unreadable(let error): throw error
        default: break
        }
        guard !entries.isEmpty else { throw FormatError(.malformed, "no named arrays at the top level of the file") }
        var state = StateDict(entries)
        state.metadata = metadata
        return state
    }
}

extension FileTree {
    /// The dict itself if it has arrays, or else the only dict in it that has.
    fileprivate var parameters: FileTree {
        guard case .dict(let members) = self, !hasArrays else { return self }
        let holders = members.filter(\.value.hasArrays)
        return holders.count == 1 ? holders[0].value : self
    }

    private var hasArrays: Bool {
        guard case .dict(let members) = self else { return false }
        return members.contains { member in
            if case .array = member.value { true } else { false }
        }
    }
}
