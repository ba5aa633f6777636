import Tensors

/// The global names that a pickle may use. None is looked up or called.
enum PickleSymbol: Equatable {
    case orderedDict
    case rebuildTensor
    case rebuildParameter
    case rebuildParameterWithState
    case storage(ElementType)
    /// A name that checkpoints use for NumPy scalars, such as metrics, beside the weights. Its result is opaque.
    case inert(String)

    private static let symbols: [String: PickleSymbol] = {
        var symbols: [String: PickleSymbol] = [
            "collections.OrderedDict": .orderedDict,
            "torch._utils._rebuild_tensor_v2": .rebuildTensor,
            "torch._utils._rebuild_parameter": .rebuildParameter,
            "torch._utils._rebuild_parameter_with_state": .rebuildParameterWithState,
            "torch.FloatStorage": .storage(.float32),
            "torch.DoubleStorage": .storage(.float64),
            "torch.HalfStorage": .storage(.float16),
            "torch.BFloat16Storage": .storage(.bfloat16),
            "torch.LongStorage": .storage(.int64),
            "torch.IntStorage": .storage(.int32),
            "torch.ShortStorage": .storage(.int16),
            "torch.CharStorage": .storage(.int8),
            "torch.ByteStorage": .storage(.uint8),
            "torch.BoolStorage": .storage(.bool),
        ]
        for name in [
            "numpy.dtype", "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "_codecs.encode",
        ] {
            symbols[name] = .inert(name)
        }
        return symbols
    }()

    /// - Throws: `unsafe_pickle` with the name where it is not listed; `dtype` for storages of other element types.
    static func named(_ name: String, of module: String) throws(FormatError) -> PickleSymbol {
        if let symbol = symbols["\(module).\(name)"] { return symbol }
        if module == "torch", name.hasSuffix("Storage") {
            throw FormatError(.dtype, "\(quoted("torch." + name)) holds no numbers that convert to float32")
        }
        throw FormatError(
            .unsafePickle,
            "the pickle asks for \(quoted("\(module).\(name)")), which is not on the list of symbols of plain tensors; "
                + "save a state_dict of tensors only")
    }
}
