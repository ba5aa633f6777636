import Tensors

/// Reads safetensors files: the length of a JSON header as a little-endian UInt64, the header, the data.
///
/// All rules of the format are checked, among them that the tensors cover the data without gaps or overlaps.
enum SafetensorsReader {
    private struct Entry {
        let name: String
        /// The element type; nil where it does not convert to float32.
        let type: ElementType?
        let typeName: String
        let shape: [Int]
        let begin: Int
        let end: Int
    }

    private static let types: [String: ElementType] = [
        "F16": .float16, "BF16": .bfloat16, "F32": .float32, "F64": .float64,
        "I8": .int8, "I16": .int16, "I32": .int32, "I64": .int64,
        "U8": .uint8, "U16": .uint16, "U32": .uint32, "U64": .uint64, "BOOL": .bool,
    ]

    /// The file's tensors as a dict, and its `__metadata__`.
    static func read(
        _ bytes: ArraySlice<UInt8>, _ builder: inout TreeBuilder
    ) throws(FormatError) -> (tree: FileTree, metadata: [String: String]) {
        let limits = builder.limits
        var reader = ByteReader(bytes, of: "safetensors")
        let length = try reader.littleEndian(UInt64.self)
        guard length <= UInt64(limits.maxSafetensorsHeaderBytes), length <= UInt64(reader.remaining) else {
            throw FormatError(
                .malformed,
                "safetensors: header of \(length) bytes, "
                    + "expected at most \(min(limits.maxSafetensorsHeaderBytes, reader.remaining))"
            )
        }
        let header: JSONValue
        do throws(FormatError) {
            header = try JSONValue.parse(Array(try reader.take(Int(length))), limits: limits)
        } catch {
            throw FormatError(.malformed, "safetensors header: \(error.detail)")
        }
        guard let members = header.members else {
            throw FormatError(.malformed, "safetensors header: expected an object, found \(header.kind.phrase)")
        }
        var metadata: [String: String] = [:]
        var entries: [Entry] = []
        for member in members {
            if member.name == "__metadata__" {
                metadata = try readMetadata(member.value)
            } else {
                entries.append(try readEntry(member))
            }
        }
        let data = reader.rest
        try requireCoverage(entries, of: data.count)
        return (try decode(entries, from: data, &builder), metadata)
    }

    private static func readMetadata(_ value: JSONValue) throws(FormatError) -> [String: String] {
        guard let members = value.members else {
            throw FormatError(.malformed, "safetensors: __metadata__ is \(value.kind.phrase), expected an object")
        }
        var metadata: [String: String] = [:]
        for member in members {
            guard let text = member.value.string else {
                throw FormatError(
                    .malformed,
                    "safetensors: metadata \(quoted(member.name)) is \(member.value.kind.phrase), expected a string")
            }
            metadata[member.name] = text
        }
        return metadata
    }

    private static func readEntry(_ member: JSONMember) throws(FormatError) -> Entry {
        var subject: String { "safetensors: tensor \(quoted(member.name))" }
        guard let typeName = member.value["dtype"]?.string, let shape = member.value["shape"]?.ints,
            let offsets = member.value["data_offsets"]?.ints, offsets.count == 2, member.value.members?.count == 3
        else {
            throw FormatError(
                .malformed,
                "\(subject): expected 'dtype' (a string), "
                    + "'shape' (whole numbers) and 'data_offsets' (two whole numbers)"
            )
        }
        let type = types[typeName]
        let (begin, end) = (offsets[0], offsets[1])
        guard begin >= 0, begin <= end else {
            throw FormatError(.malformed, "\(subject): impossible data_offsets \(offsets)")
        }
        var size = type?.byteCount ?? 1
        for extent in shape {
            let (product, overflow) = size.multipliedReportingOverflow(by: extent)
            guard extent >= 0, !overflow else {
                throw FormatError(.malformed, "\(subject): impossible shape \(shape)")
            }
            size = product
        }
        guard type == nil || end - begin == size else {
            throw FormatError(
                .malformed,
                "\(subject): data_offsets span \(end - begin) bytes, but \(typeName) \(shape) takes \(size)")
        }
        return Entry(name: member.name, type: type, typeName: typeName, shape: shape, begin: begin, end: end)
    }

    /// Throws unless the tensors cover the data without gaps or overlaps.
    private static func requireCoverage(_ entries: [Entry], of count: Int) throws(FormatError) {
        var position = 0
        for entry in entries.sorted(by: { ($0.begin, $0.end) < ($1.begin, $1.end) }) {
            guard entry.begin == position else {
                let fault = entry.begin < position ? "overlaps the tensor before it" : "leaves a hole before it"
                throw FormatError(
                    .malformed,
                    "safetensors: tensor \(quoted(entry.name)) starts at \(entry.begin), "
                        + "expected \(position); it \(fault)"
                )
            }
            guard entry.end <= count else {
                throw FormatError(
                    .malformed,
                    "safetensors: tensor \(quoted(entry.name)) ends at \(entry.end), past the \(count) bytes of data")
            }
            position = entry.end
        }
        guard position == count else {
            throw FormatError(.malformed, "safetensors: \(count) bytes of data, but the tensors cover \(position)")
        }
    }

    private static func decode(
        _ entries: [Entry], from data: ArraySlice<UInt8>, _ builder: inout TreeBuilder
    ) throws(FormatError) -> FileTree {
        var members: [FileTree.Member] = []
        members.reserveCapacity(entries.count)
        for entry in entries {
            try builder.enter(.key(entry.name))
            let value: FileTree
            if let type = entry.type {
                let range = data.startIndex + entry.begin..<data.startIndex + entry.end
                value = try builder.array(entry.shape, type) { () throws(FormatError) in
                    try ElementDecoder.decode(data[range], as: type)
                }
            } else {
                value = builder.unreadable(
                    .dtype, "dtype \(quoted(entry.typeName)), expected numbers such as 'F32'")
            }
            builder.leave()
            members.append(FileTree.Member(key: entry.name, value: value))
        }
        return .dict(members)
    }
}
