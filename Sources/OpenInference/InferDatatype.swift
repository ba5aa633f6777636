import Tensors

/// The element types of the Open Inference Protocol, version 2; raw values are the names in messages. `BF16` is an
/// extension of the protocol.
package enum InferDatatype: String, Sendable, CaseIterable {
    case bool = "BOOL"
    case uint8 = "UINT8"
    case uint16 = "UINT16"
    case uint32 = "UINT32"
    case uint64 = "UINT64"
    case int8 = "INT8"
    case int16 = "INT16"
    case int32 = "INT32"
    case int64 = "INT64"
    case fp16 = "FP16"
    case fp32 = "FP32"
    case fp64 = "FP64"
    case bf16 = "BF16"
    case bytes = "BYTES"

    /// The tensor type; nil for `BYTES`, whose elements have no fixed size.
    package var elementType: ElementType? {
        switch self {
        case .bool: .bool
        case .uint8: .uint8
        case .uint16: .uint16
        case .uint32: .uint32
        case .uint64: .uint64
        case .int8: .int8
        case .int16: .int16
        case .int32: .int32
        case .int64: .int64
        case .fp16: .float16
        case .fp32: .float32
        case .fp64: .float64
        case .bf16: .bfloat16
        case .bytes: nil
        }
    }

    /// The name in the model configuration of the protocol, `TYPE_FP32`.
    package var configurationName: String { self == .bytes ? "TYPE_STRING" : "TYPE_" + rawValue }
}
