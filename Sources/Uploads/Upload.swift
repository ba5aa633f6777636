import Tensors
import WeightFormats

/// The named tensors of one or several files: one state dict for each network or stack of networks, in file order, each
/// readable or not.
package struct Upload: Sendable {
    /// In the order of the files.
    package let entries: [Result<StateDict, UploadError>]
    /// Whether the upload was written as a batch, so that one unreadable network need not fail the others.
    package let isBatch: Bool
    /// For metrics: a file format, or `multipart` where there were several files.
    package let format: String
    /// Bytes of the files, before they are inflated.
    package let byteCount: Int
    /// Members of JSON documents that are not weights, such as `top_k` and `model`; the first file's where several have
    /// the same name.
    package let options: [String: JSONValue]

    /// Reads one file, recognised by its content.
    /// - Throws: where nothing in the file can be read.
    package init(file bytes: [UInt8], limits: FormatLimits) throws(UploadError) {
        do throws(FormatError) {
            let file = try WeightFile.read(bytes, limits: limits)
            entries = file.networks.map { $0.mapError(UploadError.init) }
            isBatch = file.isBatch
            format = file.format.rawValue
            byteCount = bytes.count
            options = file.options
        } catch {
            throw UploadError(error)
        }
    }

    /// Reads the files of a form. One that cannot be read is an entry of its own, a failure.
    /// - Parameters:
    ///   - byteCount: of the whole form.
    ///   - limits: on inflated bytes and tensors they are those of all files together.
    package init(files: [[UInt8]], byteCount: Int, limits: FormatLimits) {
        var entries: [Result<StateDict, UploadError>] = []
        var options: [String: JSONValue] = [:]
        var remaining = limits
        for bytes in files {
            do throws(UploadError) {
                let upload = try Upload(file: bytes, limits: remaining)
                entries += upload.entries
                remaining.maxInflatedBytes -= upload.tensorBytes
                remaining.maxBatchTensors -= upload.tensorCount
                options.merge(upload.options) { first, _ in first }
            } catch {
                entries.append(.failure(error))
            }
        }
        self.entries = entries
        self.options = options
        self.byteCount = byteCount
        isBatch = files.count > 1 || entries.count > 1
        format = "multipart"
    }

    private var tensorCount: Int { entries.reduce(0) { $0 + ((try? $1.get().count) ?? 0) } }

    /// Bytes of all tensors as float32.
    private var tensorBytes: Int {
        entries.reduce(0) { bytes, entry in
            guard case .success(let tensors) = entry else { return bytes }
            return tensors.entries.reduce(bytes) { $0 + 4 * $1.tensor.count }
        }
    }
}
