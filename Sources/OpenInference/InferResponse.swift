import WeightFormats

/// The answer to a request for inference.
package struct InferResponse: Sendable {
    package var modelName: String
    package var modelVersion: String
    /// The name that the client gave the request.
    package var id: String?
    /// In the order in which they are written.
    package var outputs: [Output]

    package init(modelName: String, modelVersion: String, id: String?, outputs: [Output]) {
        self.modelName = modelName
        self.modelVersion = modelVersion
        self.id = id
        self.outputs = outputs
    }

    /// One named tensor of the answer.
    package struct Output: Sendable {
        package let name: String
        /// The networks along the first axis.
        package let shape: [Int]
        package let values: Values
        /// Whether the values follow the document as bytes.
        package let isBinary: Bool
        /// How many classes are named in place of values; nil where the values themselves are sent.
        package let classCount: Int?

        package init(name: String, shape: [Int], values: Values, isBinary: Bool, classCount: Int? = nil) {
            self.name = name
            self.shape = shape
            self.values = values
            self.isBinary = isBinary
            self.classCount = classCount
        }
    }

    /// The elements in row-major order.
    package enum Values: Sendable {
        case floats([Float])
        case integers([Int64])
        case texts([String])

        /// The element type on the wire.
        package var datatype: InferDatatype {
            switch self {
            case .floats: .fp32
            case .integers: .int64
            case .texts: .bytes
            }
        }

        /// Little-endian; a text as its length in four bytes and its UTF-8 bytes.
        var binary: [UInt8] {
            switch self {
            case .floats(let values): FloatBytes.littleEndian(values)
            case .integers(let values):
                values.flatMap { value in (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
            case .texts(let values):
                values.flatMap { text in
                    let length = UInt32(text.utf8.count)
                    return (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(text.utf8)
                }
            }
        }
    }

    /// The body and, where bytes follow the document, the document's length: `Inference-Header-Content-Length`.
    /// - Returns: nil if a number is not finite, which JSON cannot express.
    package func encoded() -> (body: [UInt8], documentLength: Int?)? {
        var writer = JSONWriter(reserving: 1024)
        var binary: [UInt8] = []
        writer.beginObject()
        writer.member("model_name", modelName)
        writer.member("model_version", modelVersion)
        if let id { writer.member("id", id) }
        writer.name("outputs")
        writer.array(outputs) { writer, output in write(output, to: &writer, binary: &binary) }
        writer.endObject()
        guard !writer.wroteNonFinite else { return nil }
        let hasBinary = outputs.contains { $0.isBinary }
        return (writer.bytes + binary, hasBinary ? writer.bytes.count : nil)
    }

    private func write(_ output: Output, to writer: inout JSONWriter, binary: inout [UInt8]) {
        writer.beginObject()
        writer.member("name", output.name)
        writer.member("datatype", output.values.datatype.rawValue)
        writer.name("shape")
        writer.array(output.shape) { writer, extent in writer.value(extent) }
        let bytes = output.isBinary ? output.values.binary : nil
        if bytes != nil || output.classCount != nil {
            writer.name("parameters")
            writer.beginObject()
            if let bytes { writer.member("binary_data_size", bytes.count) }
            if let classCount = output.classCount { writer.member("classification", classCount) }
            writer.endObject()
        }
        if let bytes {
            binary += bytes
        } else {
            writer.name("data")
            switch output.values {
            case .floats(let values): writer.array(values) { writer, value in writer.value(value) }
            case .integers(let values): writer.array(values) { writer, value in writer.value(Int(value)) }
            case .texts(let values): writer.array(values) { writer, value in writer.value(value) }
            }
        }
        writer.endObject()
    }
}
