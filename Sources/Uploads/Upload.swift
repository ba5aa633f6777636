import Tensors
import WeightFormats

/// The trees of one or several files in file order, each readable or not.
package struct Upload: Sendable {
    /// A file's content.
    package struct File: Sendable {
        /// The texts of a safetensors header are the member `__metadata__`.
        package let tree: FileTree
        package let format: FileFormat
    }

    package let files: [Result<File, UploadError>]
    /// For metrics: a file format, or `multipart` where there were several files.
    package let format: String
    /// Bytes of the files, before they are inflated.
    package let byteCount: Int
    /// Members of the top level of JSON documents that hold no weights, such as `top_k` and `model`; the first file's
    /// where several have the same name.
    package let options: [String: JSONValue]

    /// Reads one file, recognised by its content.
    /// - Throws: where the file cannot be read.
    package init(file bytes: [UInt8], limits: FormatLimits) throws(UploadError) {
        do throws(FormatError) {
            let file = try WeightFile.read(bytes, limits: limits)
            files = [.success(File(tree: file.tree.adding(file.metadata), format: file.format))]
            format = file.format.rawValue
            byteCount = bytes.count
            options = file.format == .json ? file.tree.options : [:]
        } catch {
            throw UploadError(error)
        }
    }

    /// Reads the files of a form. One that cannot be read is an entry of its own, a failure.
    /// - Parameters:
    ///   - byteCount: of the whole form.
    ///   - limits: on inflated bytes and tensors they are those of all files together.
    package init(files contents: [[UInt8]], byteCount: Int, limits: FormatLimits) {
        var files: [Result<File, UploadError>] = []
        var options: [String: JSONValue] = [:]
        var remaining = limits
        for bytes in contents {
            do throws(UploadError) {
                let upload = try Upload(file: bytes, limits: remaining)
                files += upload.files
                let (arrays, elements) = upload.size
                remaining.maxInflatedBytes -= 4 * elements
                remaining.maxBatchTensors -= arrays
                options.merge(upload.options) { first, _ in first }
            } catch {
                files.append(.failure(error))
            }
        }
        self.files = files
        self.options = options
        self.byteCount = byteCount
        format = "multipart"
    }

    /// The arrays of all files, named by their paths.
    package var arrays: [NamedTensor] {
        var arrays: [NamedTensor] = []
        for case .success(let file) in files { file.tree.gather(&arrays, "") }
        return arrays
    }

    /// Arrays of all files, and their elements.
    private var size: (arrays: Int, elements: Int) {
        var (arrays, elements) = (0, 0)
        for case .success(let file) in files {
            let size = file.tree.size
            arrays += size.arrays
            elements += size.elements
        }
        return (arrays, elements)
    }
}

extension FileTree {
    /// The tree with the texts of a file's header as one more member of its dict.
    fileprivate func adding(_ metadata: [String: String]) -> FileTree {
        guard !metadata.isEmpty, case .dict(let members) = self else { return self }
        let texts = metadata.sorted { $0.key < $1.key }.map { name, text in
            Member(key: name, value: Double(text).map(FileTree.number) ?? .text(text))
        }
        return .dict(members + [Member(key: "__metadata__", value: .dict(texts))])
    }

    fileprivate func gather(_ arrays: inout [NamedTensor], _ path: String) {
        func step(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
        switch self {
        case .array(let tensor, let type):
            arrays.append(NamedTensor(name: path.isEmpty ? "arr_0" : path, tensor: tensor, elementType: type))
        case .dict(let members): for member in members { member.value.gather(&arrays, step(member.key)) }
        case .list(let elements):
            for (index, element) in elements.enumerated() { element.gather(&arrays, step(String(index))) }
        default: break
        }
    }

    fileprivate var size: (arrays: Int, elements: Int) {
        switch self {
        case .array(let tensor, _): return (1, tensor.count)
        case .dict(let members):
            return members.reduce((0, 0)) { sum, member in
                let size = member.value.size
                return (sum.0 + size.arrays, sum.1 + size.elements)
            }
        case .list(let elements):
            return elements.reduce((0, 0)) { sum, element in
                let size = element.size
                return (sum.0 + size.arrays, sum.1 + size.elements)
            }
        default: return (0, 0)
        }
    }
}
