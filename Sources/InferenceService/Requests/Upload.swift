import HTTPCore
import HTTPTypes
import Networks
import Tensors
import WeightFormats

/// The named tensors of a request's body: networks in the order they came, each readable or not.
package struct Upload: Sendable {
    package let entries: [Result<StateDict, ServiceFault>]
    /// Whether the body was written as a batch, so that one bad network need not fail it.
    package let isBatch: Bool
    /// What the body was, for metrics: a file format, or `multipart`.
    package let format: String
    /// Bytes of the body without its content coding.
    package let byteCount: Int
    package let members: [String: JSONValue]
    package let form: [(String, String)]

    /// Reads a file of weights from disk or from a body without HTTP around it.
    package init(file bytes: [UInt8], limits: FormatLimits) throws(ServiceFault) {
        do throws(FormatError) {
            let file = try WeightFile.read(bytes, limits: limits)
            entries = file.networks.map { $0.mapError(ServiceFault.init) }
            isBatch = file.isBatch
            format = file.format.rawValue
            byteCount = bytes.count
            members = file.options
            form = []
        } catch {
            throw ServiceFault(error)
        }
    }

    init(_ request: Request, limits: FormatLimits) throws(ServiceFault) {
        let body: [UInt8]
        let boundary: String?
        do throws(FormatError) {
            let coding = request.head.fields[values: .contentEncoding].joined(separator: ",")
            body = try ContentCoding.decode(request.body, contentEncoding: coding, limits: limits)
            boundary = try request.head.fields[.contentType].flatMap { value throws(FormatError) in
                try Multipart.boundary(ofContentType: value)
            }
        } catch {
            throw ServiceFault(error)
        }
        guard let boundary else {
            do throws(ServiceFault) {
                try self.init(file: body, limits: limits)
            } catch {
                var fault = error
                if Self.isStripped(body, request.head.fields[.contentType]) {
                    fault.detail += "; it has lost its line ends and zero bytes, as curl's -d does: use --data-binary"
                }
                throw fault
            }
            return
        }
        try self.init(multipart: body, boundary: boundary, limits: limits)
    }

    /// Whether a binary file looks as if curl had sent it by `-d`.
    private static func isStripped(_ body: [UInt8], _ contentType: String?) -> Bool {
        contentType?.hasPrefix("application/x-www-form-urlencoded") == true && body.count > 64
            && !body.contains { $0 == 0 || $0 == 10 || $0 == 13 } && body.contains { $0 >= 0x80 }
    }

    /// Parts with a file name, or named `file`, hold networks; the others are options.
    private init(multipart body: [UInt8], boundary: String, limits: FormatLimits) throws(ServiceFault) {
        let parts: [FormPart]
        do throws(FormatError) {
            parts = try Multipart.parse(body, boundary: boundary, limits: limits)
        } catch {
            throw ServiceFault(error)
        }
        var entries: [Result<StateDict, ServiceFault>] = []
        var form: [(String, String)] = []
        var members: [String: JSONValue] = [:]
        var files = 0
        // Each part alone may fill a limit, by inflation too; together they may not exceed it either.
        var limits = limits
        for part in parts {
            guard part.filename != nil || part.name == "file" else {
                form.append((part.name, String(decoding: part.bytes.prefix(256), as: UTF8.self)))
                continue
            }
            files += 1
            do throws(ServiceFault) {
                let upload = try Upload(file: part.bytes, limits: limits)
                entries += upload.entries
                limits.maxInflatedBytes -= upload.tensorBytes
                limits.maxBatchTensors -= upload.tensorCount
                members.merge(upload.members) { first, _ in first }
            } catch {
                entries.append(.failure(error))
            }
        }
        guard files > 0 else {
            throw .badRequest("the form has no file; send at least one part named 'file'")
        }
        self.entries = entries
        self.form = form
        self.members = members
        isBatch = files > 1 || entries.count > 1
        format = "multipart"
        byteCount = body.count
    }

    private var tensorCount: Int { entries.reduce(0) { $0 + ((try? $1.get().count) ?? 0) } }

    /// What the tensors hold as float32.
    private var tensorBytes: Int {
        entries.reduce(0) { bytes, entry in
            guard case .success(let tensors) = entry else { return bytes }
            return tensors.entries.reduce(bytes) { $0 + 4 * $1.tensor.count }
        }
    }
}
