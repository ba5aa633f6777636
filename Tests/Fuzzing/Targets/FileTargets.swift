import Datasets
import Foundation
import HTTPContent
import InferenceService
import ModelStore
import Models
import Networks
import Tensors
import WeightFormats

/// The file readers. A target for one format prepends that format's first bytes, so that no other reader is chosen.
enum FileTargets {
    static func safetensors(_ bytes: [UInt8]) throws -> Bool {
        var bytes = bytes + [UInt8](repeating: 0, count: max(0, 9 - bytes.count))
        for index in 4..<8 { bytes[index] = 0 }
        bytes[8] = UInt8(ascii: "{")
        return try read(bytes)
    }

    static func npy(_ bytes: [UInt8]) throws -> Bool { try read([0x93] + "NUMPY".utf8 + bytes) }

    /// NumPy's and PyTorch's archives.
    static func zip(_ bytes: [UInt8]) throws -> Bool { try read(Archive.sealed([0x50, 0x4b, 0x03, 0x04] + bytes)) }

    /// Pickles of every protocol: the first opcode of protocol 2 may stand before those of 0 and 1.
    static func pickle(_ bytes: [UInt8]) throws -> Bool { try read([0x80, 2] + bytes) }

    static func torch(_ bytes: [UInt8]) throws -> Bool { try read(try Archive.torch(bytes)) }

    static func json(_ bytes: [UInt8]) throws -> Bool {
        let first = bytes.first { $0 != 0x20 && $0 != 0x0a }
        let text = first == UInt8(ascii: "[") ? bytes : Array("{".utf8) + bytes.dropFirst()
        _ = try? JSONValue.parse(text, limits: FuzzTarget.formatLimits)
        return try read(text)
    }

    /// The first byte of the input selects the content codings.
    static func coding(_ bytes: [UInt8]) throws -> Bool {
        let codings = ["gzip", "deflate", "x-gzip, identity", "gzip, deflate", "deflate, gzip"]
        let choice = Int(bytes.first ?? 0) % codings.count
        let body = Array(bytes.dropFirst())
        let limits = FuzzTarget.formatLimits
        guard let decoded = try? ContentCoding.decode(body, contentEncoding: codings[choice], limits: limits) else {
            return false
        }
        // Each of two codings may expand by the full ratio.
        let ratio = choice < 3 ? limits.maxInflationRatio : limits.maxInflatedBytes
        let most = min(limits.maxInflatedBytes, max(limits.freeInflatedBytes, ratio * body.count))
        try require(decoded.count <= most, "\(body.count) bytes inflated to \(decoded.count)")
        return true
    }

    /// The first line is the `Content-Type` field.
    static func multipart(_ bytes: [UInt8]) throws -> Bool {
        let line = bytes.prefix { $0 != 0x0a }
        let body = Array(bytes.dropFirst(line.count + 1))
        let field = String(decoding: line, as: UTF8.self)
        guard let boundary = try? Multipart.boundary(ofContentType: field),
            let parts = try? Multipart.parse(body, boundary: boundary)
        else { return false }
        let size = parts.reduce(0) { $0 + $1.bytes.count }
        try require(size <= body.count, "parts of \(size) bytes in a body of \(body.count)")
        if parts.allSatisfy(isPlain) {
            let again = try? Multipart.parse(form(parts, boundary), boundary: boundary)
            try require(again == parts, "written and read again, the form is not the same")
        }
        return true
    }

    /// Whether the part's head is written as `form` writes it.
    private static func isPlain(_ part: FormPart) -> Bool {
        part.contentType == nil
            && (part.name + (part.filename ?? "")).utf8.allSatisfy { byte in
                (0x20...0x7e).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
            }
    }

    private static func form(_ parts: [FormPart], _ boundary: String) -> [UInt8] {
        var body: [UInt8] = []
        for part in parts {
            let file = part.filename.map { "; filename=\"\($0)\"" } ?? ""
            body += "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(part.name)\"\(file)\r\n\r\n".utf8
            body += part.bytes + [13, 10]
        }
        return body + Array("--\(boundary)--".utf8)
    }

    static func picture(_ bytes: [UInt8]) throws -> Bool {
        let bounds = FuzzTarget.bounds
        if let upload = try? PictureUpload(
            bytes, limits: FuzzTarget.formatLimits, maxSide: bounds.maxFitSide, maxValues: bounds.maxFitValues)
        {
            let (pictures, side) = (upload.pictures, bounds.maxFitSide)
            try require(
                pictures.count > 0 && (1...side).contains(pictures.height) && (1...side).contains(pictures.width),
                "\(pictures.count) pictures of \(pictures.height) × \(pictures.width)")
            try require(pictures.values(0).allSatisfy { (-1...1).contains($0) }, "a value beyond -1 to 1")
        }
        let labels = try? readLabels(bytes)
        guard let pictures = try? PictureSet(bytes: bytes), pictures.count > 0 else { return labels != nil }
        let values = pictures.values(pictures.count - 1)
        try require(values.count == pictures.size, "\(values.count) values of \(pictures.size)")
        return true
    }

    /// The chunks of a PNG picture, with correct checksums. Where the first byte is odd, the contents of IDAT are rows that
    /// are yet to be compressed.
    static func png(_ bytes: [UInt8]) throws -> Bool {
        let file = try Archive.png(Array(bytes.dropFirst()), compresses: bytes.first.map { $0 & 1 == 1 } ?? false)
        guard let picture = try? PNGReader.read(file, maxSide: 64) else { return false }
        let count = picture.height * picture.width * picture.channels
        try require(picture.values.count == count, "\(picture.values.count) values of \(count)")
        try require(picture.values.allSatisfy { (0...255).contains($0) }, "a value beyond 0 to 255")
        let again = try PNGReader.read(
            PNGWriter.write(
                picture.values.map { UInt8($0) }, width: picture.width, height: picture.height,
                color: picture.channels == 1 ? .gray : .rgb), maxSide: 64)
        try require(
            again.values == picture.values.map { $0.rounded(.down) },
            "written and read again, the picture is not the same")
        return true
    }

    /// The `config.json` of a model folder.
    static func manifest(_ bytes: [UInt8]) throws -> Bool {
        guard let configuration = try? ModelConfiguration(json: bytes) else { return false }
        let spec = configuration.input.spec
        try require(spec.depth > 0 && spec.parameterCount > 0, "an input of \(spec.summary)")
        return true
    }

    static func read(_ bytes: [UInt8]) throws -> Bool {
        let limits = FuzzTarget.formatLimits
        guard let file = try? WeightFile.read(bytes, limits: limits) else { return false }
        var census = Census()
        try census.count(file.tree, depth: 0)
        try require(census.values <= limits.maxTreeValues, "\(census.values) values")
        try require(census.arrays <= limits.maxBatchTensors, "\(census.arrays) arrays")
        try require(4 * census.elements <= limits.maxInflatedBytes, "\(census.elements) elements")
        return true
    }

    /// What a tree holds.
    private struct Census {
        /// Members of dicts and elements of lists.
        var values = 0
        var arrays = 0
        var elements = 0

        mutating func count(_ tree: FileTree, depth: Int) throws {
            let limits = FuzzTarget.formatLimits
            try require(depth <= limits.maxTreeDepth, "a tree deeper than \(limits.maxTreeDepth)")
            switch tree {
            case .array(let tensor, _):
                arrays += 1
                elements += tensor.count
                try require(
                    tensor.shape.reduce(1, *) == tensor.count && tensor.rank <= limits.maxRank,
                    "\(tensor.count) values of shape \(tensor.shape)")
            case .dict(let members):
                values += members.count
                for member in members { try count(member.value, depth: depth + 1) }
            case .list(let elements):
                values += elements.count
                for element in elements { try count(element, depth: depth + 1) }
            case .unreadable(let error): try require(!error.detail.isEmpty, "an error without a text")
            case .number, .text, .inert: break
            }
        }
    }
}
