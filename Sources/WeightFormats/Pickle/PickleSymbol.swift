import Tensors

/// The global names that a pickle may use: a closed list. None is looked up or called; each stands for the description
/// that the machine makes of a call's result.
enum PickleSymbol: Equatable {
    /// A kind of dict: the result is a dict of the only argument's members.
    case dict
    /// The same after an argument that makes missing values.
    case defaultDict
    /// A set or deque of the first argument's elements, or an empty one.
    case set
    /// A class whose objects hold any attributes: an object is a dict of these.
    case namespace
    /// `_reconstructor(class, base, state)`.
    case reconstructor

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
    /// `_load_from_bytes(bytes)`: a storage in a file of its own, as plain pickles of tensors have it.
    case storageFile
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
        if module.hasPrefix("numpy") { return "save plain arrays of numbers, with numpy.savez(path, **arrays)" }
        return "save a state_dict of tensors only: torch.save(model.state_dict(), path)"
    }

    private static let symbols: [String: PickleSymbol] = {
        var symbols: [String: PickleSymbol] = [
            "collections.OrderedDict": .dict, "collections.Counter": .dict, "collections.defaultdict": .defaultDict,
            "flax.core.frozen_dict.FrozenDict": .dict, "collections.deque": .set,
            "copyreg._reconstructor": .reconstructor, "copy_reg._reconstructor": .reconstructor,

            "torch._utils._rebuild_tensor": .tensor, "torch._utils._rebuild_tensor_v2": .tensor,
            "torch._utils._rebuild_tensor_v3": .typedTensor,
            "torch._utils._rebuild_parameter": .parameter, "torch._utils._rebuild_parameter_with_state": .parameter,
            "torch._utils._rebuild_device_tensor_from_numpy": .parameter,
            "torch._utils._rebuild_device_tensor_from_cpu_tensor": .parameter,
            "torch._tensor._rebuild_from_type_v2": .subclassedTensor,
            "torch.storage.UntypedStorage": .untypedStorage, "torch.storage._load_from_bytes": .storageFile,

            "numpy.dtype": .numpyType, "ml_dtypes.bfloat16": .elementType(.bfloat16),
            "jax._src.array._reconstruct_array": .jaxArray,
            "jax._src.device_array.reconstruct_device_array": .jaxArray,
            "_codecs.encode": .encode,
        ]
        for name in [
            "argparse.Namespace", "types.SimpleNamespace", "collections.UserDict", "easydict.EasyDict", "munch.Munch",
            "pytorch_lightning.utilities.parsing.AttributeDict", "lightning.pytorch.utilities.parsing.AttributeDict",
            "lightning_fabric.utilities.data.AttributeDict", "lightning.fabric.utilities.data.AttributeDict",
        ] { symbols[name] = .namespace }
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
        for (name, symbol) in PickleName.symbols where symbols[name] == nil { symbols[name] = symbol }
        return symbols
    }()
}

/// The name of a value that holds no numbers of a network.
struct PickleName: Equatable {
    private let index: UInt16

    /// The name, without the module of Python's own.
    var text: String {
        let name = Self.all[Int(index)]
        for module in ["builtins.", "__builtin__."] where name.hasPrefix(module) {
            return String(name.dropFirst(module.utf8.count))
        }
        return name
    }

    /// An integer beyond 64 bits.
    static let integer = PickleName(index: 0)
    /// A storage of elements that are not plain numbers.
    static let storage = PickleName(index: 1)
    /// A tensor that stands for the negatives or conjugates of its storage.
    static let view = PickleName(index: 2)

    private static let kinds = ["int", "torch.Storage", "a negated or conjugated view"]

    /// Functions that make tensors which are not stored as plain numbers.
    private static let tensors = [
        "_rebuild_qtensor", "_rebuild_sparse_tensor", "_rebuild_meta_tensor_no_storage", "_rebuild_nested_tensor",
        "_rebuild_wrapper_subclass",
    ].map { "torch._utils.\($0)" }

    /// Functions and classes that make values without numbers of a network.
    private static let calls =
        ["torch.Size", "torch.device", "torch.serialization._get_layout", "torch.torch_version.TorchVersion"]
        + ["Path", "PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath"].flatMap {
            ["pathlib.\($0)", "pathlib._local.\($0)"]
        }
        + ["datetime", "date", "time", "timedelta", "timezone"].map { "datetime.\($0)" }
        + ["decimal.Decimal", "fractions.Fraction", "uuid.UUID"]
        + ["complex", "range", "xrange", "slice"].flatMap { ["builtins.\($0)", "__builtin__.\($0)"] }

    /// Classes and element types, which are not called.
    private static let values: [String] = {
        var names = [
            "Tensor", "nn.parameter.Parameter", "nn.parameter.Buffer", "storage.TypedStorage", "per_tensor_affine",
            "per_tensor_symmetric", "per_channel_affine", "per_channel_symmetric", "per_channel_affine_float_qparams",
            "complex32", "complex64", "complex128", "qint8", "quint8", "qint32", "quint4x2", "quint2x4", "bits1x8",
            "bits2x4", "bits4x2", "bits8", "bits16", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2",
            "float8_e5m2fnuz", "float8_e8m0fnu", "float4_e2m1fn_x2",
        ].map { "torch.\($0)" }
        names += (1..<8).flatMap { ["torch.int\($0)", "torch.uint\($0)"] }
        for type in ["Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool"] {
            names += ["", "cuda.", "sparse.", "cuda.sparse."].map { "torch.\($0)\(type)Tensor" }
        }
        for type in ["list", "dict", "int", "float", "str", "tuple", "bool", "object"] {
            names += ["builtins.\(type)", "__builtin__.\(type)"]
        }
        names += ElementType.allCases.filter { $0 != .bool && $0 != .bfloat16 }.map { "numpy.\($0.rawValue)" }
        return names + ["numpy.bool_", "numpy.ndarray", "numpy.matrix", "numpy.matrixlib.defmatrix.matrix"]
    }()

    private static let all = kinds + tensors + calls + values

    /// The names that are symbols, with what each stands for.
    fileprivate static var symbols: [(name: String, symbol: PickleSymbol)] {
        all.enumerated().dropFirst(kinds.count).map { index, name in
            let symbol = PickleName(index: UInt16(index))
            if index < kinds.count + tensors.count { return (name, .otherTensor(symbol)) }
            let isCall = index < kinds.count + tensors.count + calls.count
            return (name, isCall ? .inertCall(symbol) : .name(symbol))
        }
    }
}
