import HTTPCore
import HTTPTypes
import Tensors
import WeightFormats

/// A format of files in which networks are given back.
package enum WeightsFile: String, Sendable, CaseIterable {
    case safetensors
    case npz
    /// The archive of `torch.save`.
    case pt

    /// The file's bytes, with each array in its element type.
    ///
    /// Safetensors and npz name nested arrays by their paths, with dots between the keys. Numbers and texts become the
    /// metadata of safetensors; npz has numbers as arrays without axes and no texts, and float32 in the place of bfloat16.
    /// - Throws: `non_finite` where a value leaves the range of its type, and `malformed` where two arrays have one path in
    ///   a format that names them by their paths.
    package func bytes(_ tree: FileTree) throws(FormatError) -> [UInt8] {
        switch self {
        case .safetensors: try SafetensorsWriter.write(typed: tree.uniquelyNamedArrays())
        case .npz: try NPZWriter.write(tree.numbersAsArrays.uniquelyNamedArrays(), keepsTypes: true)
        case .pt: try TorchWriter.write(tree)
        }
    }

    /// A response with the file.
    func response(_ tree: FileTree) throws(ServiceFault) -> Response {
        do throws(FormatError) {
            return Response(
                .ok, contentType: self == .npz ? "application/zip" : "application/octet-stream", body: try bytes(tree))
        } catch {
            throw ServiceFault(error)
        }
    }
}

extension FileTree {
    /// The tree with float64 arrays without axes in the place of numbers.
    fileprivate var numbersAsArrays: FileTree {
        switch self {
        case .number(let value): .array(Tensor(shape: [], values: [Float(value)]), .float64)
        case .dict(let members): .dict(members.map { Member(key: $0.key, value: $0.value.numbersAsArrays) })
        case .list(let elements): .list(elements.map(\.numbersAsArrays))
        default: self
        }
    }
}
