import Tensors

/// Reads files of `torch.save` since PyTorch 1.6: a zip archive of a pickle and raw storages.
///
/// The top level is a dict of tensors, or a dict with such a dict in a member like `state_dict`. The elements of lists
/// and tuples of tensors become tensors with numbered names; other values are ignored.
struct TorchReader {
    private let archive: ZipArchive
    private let limits: FormatLimits
    private let heap: PickleHeap
    /// Which lists and tuples of the heap hold only tensors.
    private let isTensorList: [Bool]
    private let isTensorTuple: [Bool]
    private var storages: TorchStorages

    static func read(_ archive: ZipArchive, limits: FormatLimits) throws(FormatError) -> WeightFile {
        let pickles = archive.entries.filter { $0.name == "data.pkl" || $0.name.hasSuffix("/data.pkl") }
        guard pickles.count == 1, let pickle = pickles.first else {
            throw FormatError(.malformed, "\(pickles.count) entries named data.pkl, expected one")
        }
        if let entry = archive.entries.first(where: { $0.method != .stored }) {
            throw FormatError(
                .malformed, "entry \(quoted(entry.name)) is compressed; PyTorch archives store their entries")
        }
        let (root, heap) = try PickleMachine.run(try archive.read(pickle), limits: limits)
        guard case .dict(let dict) = root else {
            throw FormatError(.malformed, "the file holds \(root.kind), expected a dict of tensors")
        }
        let prefix = String(pickle.name.dropLast("data.pkl".count))
        var reader = TorchReader(
            archive: archive, limits: limits, heap: heap, isTensorList: PickleHeap.holdTensorsOnly(heap.lists),
            isTensorTuple: PickleHeap.holdTensorsOnly(heap.tuples),
            storages: try TorchStorages(archive, prefix: prefix, limits: limits))
        return try reader.read(dict)
    }

    private mutating func read(_ top: Int) throws(FormatError) -> WeightFile {
        var builder = StateDictBuilder(limits: limits)
        var dict = top
        var wrapper: String?
        let members = heap.members(of: top)
        for name in wrapperNames where wrapper == nil {
            if case .dict(let inner) = members.first(where: { $0.name == name })?.value, holdsTensors(inner) {
                wrapper = name
                dict = inner
            }
        }
        if let wrapper {
            for member in members where member.name != wrapper { builder.ignore(member.name) }
        }
        for (name, value) in heap.members(of: dict) { try add(value, named: name, to: &builder) }
        let state = try builder.finish()
        return WeightFile(
            format: .torch, networks: [.success(state.unwrapped)], ignored: builder.ignored, wrapper: wrapper)
    }

    private func holdsTensors(_ dict: Int) -> Bool {
        heap.dicts[dict].contains { _, value in
            switch value {
            case .tensor: true
            case .list(let index): isTensorList[index]
            case .tuple(let index): isTensorTuple[index]
            default: false
            }
        }
    }

    private mutating func add(
        _ value: PickleValue, named name: String, to builder: inout StateDictBuilder
    ) throws(FormatError) {
        switch value {
        case .tensor(let index): try add(heap.tensors[index], named: name, to: &builder)
        case .list(let index) where isTensorList[index]: try add(heap.lists[index], named: name, to: &builder)
        case .tuple(let index) where isTensorTuple[index]: try add(heap.tuples[index], named: name, to: &builder)
        default: builder.ignore(name)
        }
    }

    private mutating func add(
        _ elements: [PickleValue], named name: String, to builder: inout StateDictBuilder
    ) throws(FormatError) {
        for (index, element) in elements.enumerated() {
            try add(element, named: "\(name).\(index)", to: &builder)
        }
    }

    private mutating func add(
        _ tensor: PickleTensor, named name: String, to builder: inout StateDictBuilder
    ) throws(FormatError) {
        let type = tensor.storage.type
        guard !isLabel(type, rank: tensor.shape.count) else { return builder.ignore(name) }
        try builder.reserve(name, shape: tensor.shape)
        let values: [Float]
        do throws(FormatError) {
            let view = try StridedView(
                shape: tensor.shape, strides: tensor.strides, offset: tensor.offset, within: tensor.storage.count)
            values = view.gather(try storages.values(of: tensor.storage))
        } catch {
            throw error.within("tensor \(quoted(name))")
        }
        try builder.add(name, shape: tensor.shape, values: values, type: type)
    }
}
