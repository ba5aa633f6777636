import Tensors

/// The global names that a pickle may use: a closed list. None is looked up or called; each stands for the description
/// that the machine makes of a call's result.
enum PickleSymbol: Equatable {
    /// A kind of dict: the result is a dict of the only argument's members.
    case dict
    /// The same after an argument that makes missing values.
    case defaultDict
    /// A set of the only argument's elements.
    case set

    /// `_rebuild_tensor(storage, offset, shape, strides)`; version 2 adds `requires_grad`, `hooks` and `metadata`.
    case tensor
    /// Version 3, which has the element type before the metadata.
    case typedTensor
    /// A parameter or a copy from another device: the result is the first argument.
    case parameter
    /// `_rebuild_from_type_v2(function, type, arguments, state)`.
    case subclassedTensor
    /// A tensor that is not stored as plain numbers, such as a quantised or sparse one.
    case otherTensor(PickleName)
    case storage(ElementType)
    /// A storage of bytes; the tensor names the element type.
    case untypedStorage
    case otherStorage(PickleName)
    /// An element type of PyTorch or of `ml_dtypes`.
    case elementType(ElementType)

    /// `_reconstruct(class, shape, code)`: an array that `BUILD` fills.
    case numpyArray
    /// `scalar(dtype, bytes)`.
    case numpyScalar
    /// `_frombuffer(bytes, dtype, shape, order)`.
    case numpyBuffer
    /// `dtype(code, align, copy)`.
    case numpyType
    /// `_reconstruct_array(function, arguments, state, aval)`: an array of JAX around one of NumPy.
    case jaxArray

    /// `_codecs.encode(text, encoding)`, which stands for bytes in protocols before 3.
    case encode
    /// `bytes` or `bytearray` of the only argument, or empty.
    case bytes

    /// A function or class whose result holds no numbers of a network.
    case inertCall(PickleName)
    /// A value such as a class or an element type, which is not called.
    case name(PickleName)

    /// The kind of the value, for trees.
    var text: String {
        switch self {
        case .inertCall(let name), .name(let name), .otherTensor(let name), .otherStorage(let name): name.text
        case .elementType(let type): "torch.\(type.rawValue)"
        default: "class"
        }
    }

    /// - Throws: `unsafe_pickle` with the name where it is not listed.
    static func named(_ name: String, of module: String) throws(FormatError) -> PickleSymbol {
        if let symbol = symbols["\(module).\(name)"] { return symbol }
        if module == "torch" || module == "torch.cuda", name.hasSuffix("Storage") { return .otherStorage(.storage) }
        throw FormatError(
            .unsafePickle,
            "the pickle asks for \(quoted("\(module).\(name)")), which is not on the list of symbols of plain data; "
                + advice(module, name))
    }

    /// What to do about a symbol that is not on the list.
    private static func advice(_ module: String, _ name: String) -> String {
        if module.hasPrefix("joblib") { return "a joblib file: save the arrays with numpy.savez(path, **arrays)" }
        if name == "_load_from_bytes" { return "a pickle of tensors: save them with torch.save(state_dict, path)" }
        if module.hasPrefix("numpy") { return "save plain arrays of numbers, with numpy.savez(path, **arrays)" }
        return "save a state_dict of tensors only: torch.save(model.state_dict(), path)"
    }

    private static let symbols: [String: PickleSymbol] = {
        var symbols: [String: PickleSymbol] = [
            "collections.OrderedDict": .dict, "collections.Counter": .dict, "collections.defaultdict": .defaultDict,
            "flax.core.frozen_dict.FrozenDict": .dict,

            "torch._utils._rebuild_tensor": .tensor, "torch._utils._rebuild_tensor_v2": .tensor,
            "torch._utils._rebuild_tensor_v3": .typedTensor,
            "torch._utils._rebuild_parameter": .parameter, "torch._utils._rebuild_parameter_with_state": .parameter,
            "torch._utils._rebuild_device_tensor_from_numpy": .parameter,
            "torch._utils._rebuild_device_tensor_from_cpu_tensor": .parameter,
            "torch._tensor._rebuild_from_type_v2": .subclassedTensor,
            "torch.storage.UntypedStorage": .untypedStorage,

            "numpy.dtype": .numpyType, "ml_dtypes.bfloat16": .elementType(.bfloat16),
            "jax._src.array._reconstruct_array": .jaxArray,
            "jax._src.device_array.reconstruct_device_array": .jaxArray,
            "_codecs.encode": .encode,
        ]
        for module in ["numpy.core", "numpy._core"] {
            symbols["\(module).multiarray._reconstruct"] = .numpyArray
            symbols["\(module).multiarray.scalar"] = .numpyScalar
            symbols["\(module).numeric._frombuffer"] = .numpyBuffer
        }
        for module in ["builtins", "__builtin__"] {
            symbols["\(module).set"] = .set
            symbols["\(module).frozenset"] = .set
            symbols["\(module).bytes"] = .bytes
            symbols["\(module).bytearray"] = .bytes
        }
        for (name, type) in [
            ("Float", ElementType.float32), ("Double", .float64), ("Half", .float16), ("BFloat16", .bfloat16),
            ("Long", .int64), ("Int", .int32), ("Short", .int16), ("Char", .int8), ("Byte", .uint8), ("Bool", .bool),
        ] {
            symbols["torch.\(name)Storage"] = .storage(type)
            symbols["torch.cuda.\(name)Storage"] = .storage(type)
        }
        for type in ElementType.allCases { symbols["torch.\(type.rawValue)"] = .elementType(type) }
        for (index, name) in PickleName.all.enumerated() {
            let name = (text: name, symbol: PickleName(index: UInt16(index)))
            switch index {
            case PickleName.tensors: symbols[name.text] = .otherTensor(name.symbol)
            case PickleName.calls: symbols[name.text] = .inertCall(name.symbol)
            default: symbols[name.text] = symbols[name.text] ?? .name(name.symbol)
            }
        }
        return symbols
    }()
}

/// The name of an inert value, for messages and trees.
struct PickleName: Equatable {
    fileprivate let index: UInt16

    var text: String { Self.all[Int(index)] }

    /// An integer beyond 64 bits.
    static let integer = PickleName(index: 0)
    /// A storage of elements that are not plain numbers.
    static let storage = PickleName(index: 1)
    /// A tensor that stands for the negatives or conjugates of its storage.
    static let view = PickleName(index: 2)
    static let tensors = 3..<8
    static let calls = 8..<17

    fileprivate static let all: [String] =
        ["int", "torch.Storage", "a negated or conjugated view"]
        + [
            "_rebuild_qtensor", "_rebuild_sparse_tensor", "_rebuild_meta_tensor_no_storage", "_rebuild_nested_tensor",
            "_rebuild_wrapper_subclass",
        ].map { "torch._utils.\($0)" }
        + [
            "torch.Size", "torch.device", "torch.serialization._get_layout", "builtins.complex", "__builtin__.complex",
            "builtins.range", "__builtin__.xrange", "builtins.slice", "__builtin__.slice",
        ]
        + [
            "Tensor", "nn.parameter.Parameter", "nn.parameter.Buffer", "per_tensor_affine", "per_tensor_symmetric",
            "per_channel_affine", "per_channel_symmetric", "per_channel_affine_float_qparams", "complex32", "complex64",
            "complex128", "qint8", "quint8", "qint32", "quint4x2", "quint2x4", "bits1x8", "bits2x4", "bits4x2", "bits8",
            "bits16", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu",
            "float4_e2m1fn_x2",
        ].map { "torch.\($0)" }
        + (1..<8).flatMap { ["torch.int\($0)", "torch.uint\($0)"] }
        + ["Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool"].map {
            "torch.\($0)Tensor"
        }
        + ["list", "dict", "int", "float", "str", "tuple", "bool"].flatMap { ["builtins.\($0)", "__builtin__.\($0)"] }
        + [
            "ndarray", "matrix", "matrixlib.defmatrix.matrix", "float16", "float32", "float64", "int8", "int16",
            "int32",
            "int64", "uint8", "uint16", "uint32", "uint64", "bool_",
        ].map { "numpy.\($0)" }
}
