import WeightFormats

/// A response of the Open Inference Protocol: named output tensors.
package struct InferResponse: Sendable {
    /// The model that answered.
    package var modelName: String
    /// Its version, as in `config.json`.
    package var modelVersion: String
    /// The client's identifier of the request; nil where it gave none.
    package var id: String?
    /// What the client should know of how its networks were read, a sentence each: `warnings` of `parameters`, one a line.
    package var warnings: [String]
    /// Numbers of `parameters`, by name.
    package var figures: [(name: String, value: Float)]
    /// In the order in which they are written.
    package var outputs: [Output]

    /// A response whose outputs are written in this order.
    package init(
        modelName: String, modelVersion: String, id: String?, warnings: [String] = [],
        figures: [(name: String, value: Float)] = [], outputs: [Output]
    ) {
        self.modelName = modelName
        self.modelVersion = modelVersion
        self.id = id
        self.warnings = warnings
        self.figures = figures
        self.outputs = outputs
    }

    /// One named tensor of the answer.
    package struct Output: Sendable {
        /// The output's name, as asked for.
        package let name: String
        /// Row-major extents; the first axis counts networks.
        package let shape: [Int]
        /// As many elements as the shape has; not checked.
        package let values: Values
        /// Whether the values follow the document as bytes.
        package let isBinary: Bool
        /// How many classes are named for each network in place of values; nil where the values themselves are sent.
        package let classCount: Int?

        /// - Parameter classCount: the number of classes whose names `values` has for each network; nil where they
        ///   are the output's own values.
        package init(name: String, shape: [Int], values: Values, isBinary: Bool, classCount: Int? = nil) {
            self.name = name
            self.shape = shape
            self.values = values
            self.isBinary = isBinary
            self.classCount = classCount
        }
    }

    /// Elements in row-major order.
    package enum Values: Sendable {
        /// FP32.
        case floats([Float])
        /// INT64.
        case integers([Int64])
        /// BYTES, in UTF-8.
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

    /// The body, and the length in bytes of its JSON document where bytes of tensors follow it, to be sent as
    /// `Inference-Header-Content-Length`.
    /// - Returns: nil if a number that is to be written as JSON is not finite, which JSON cannot express.
    package func encoded() -> (body: [UInt8], documentLength: Int?)? {
        var writer = JSONWriter(reserving: 1024)
        var binary: [UInt8] = []
        writer.beginObject()
        writer.member("model_name", modelName)
        writer.member("model_version", modelVersion)
        if let id { writer.member("id", id) }
        if !warnings.isEmpty || !figures.isEmpty {
            writer.name("parameters")
            writer.beginObject()
            if !warnings.isEmpty { writer.member("warnings", warnings.joined(separator: "\n")) }
            for figure in figures { writer.member(figure.name, figure.value) }
            writer.endObject()
        }
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
