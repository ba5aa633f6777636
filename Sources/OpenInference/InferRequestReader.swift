import Tensors
import WeightFormats

/// Reads a request's body: a JSON document, followed by the bytes of those tensors that announce them
/// (the binary tensor data extension).
struct InferRequestReader {
    private let limits: FormatLimits
    /// How many more float32 elements all tensors together may have.
    private var remainingElements: Int
    private var id: String?
    private var parameters = InferParameters()
    private var inputs: [Input]?
    private var outputs: [InferRequest.Output]?

    /// One element of `inputs`; its members may come in any order.
    private struct Input {
        var name: String?
        var shape: [Int]?
        var datatype: String?
        var binarySize: Int?
        var data: NumberArray?
    }

    init(limits: FormatLimits) {
        self.limits = limits
        remainingElements = limits.maxInflatedBytes / 4
    }

    mutating func read(_ document: [UInt8], binary: ArraySlice<UInt8>) throws(FormatError) -> InferRequest {
        var scanner = JSONScanner(document, limits: limits)
        var reader = self
        try scanner.readMembers { name, scanner throws(FormatError) in
            switch name {
            case "id": reader.id = try scanner.readString()
            case "parameters": reader.parameters = InferParameters(try reader.readParameters(&scanner))
            case "inputs": reader.inputs = try reader.readInputs(&scanner)
            case "outputs": reader.outputs = try reader.readOutputs(&scanner)
            default: try scanner.skipValue()
            }
        }
        try scanner.finish()
        guard let inputs = reader.inputs, !inputs.isEmpty else {
            throw FormatError(.malformed, "expected 'inputs' with at least one tensor, found none")
        }
        let tensors = try reader.tensors(inputs, binary)
        return InferRequest(id: reader.id, parameters: reader.parameters, inputs: tensors, outputs: reader.outputs)
    }

    // MARK: Document

    private func readParameters(_ scanner: inout JSONScanner) throws(FormatError) -> [String: JSONValue] {
        var parameters: [String: JSONValue] = [:]
        try scanner.readObject { name, scanner throws(FormatError) in
            switch try scanner.peek() {
            case .string: parameters[name] = .string(try scanner.readString())
            case .number: parameters[name] = .number(try scanner.readNumber())
            case .boolean: parameters[name] = .bool(try scanner.readBool())
            case .object, .array, .null: try scanner.skipValue()
            }
        }
        return parameters
    }

    private mutating func readInputs(_ scanner: inout JSONScanner) throws(FormatError) -> [Input] {
        var inputs: [Input] = []
        var reader = self
        try scanner.readArray { index, scanner throws(FormatError) in
            guard index < reader.limits.maxTensors else {
                throw FormatError(.unexpectedTensor, "more than \(reader.limits.maxTensors) inputs")
            }
            do throws(FormatError) {
                inputs.append(try reader.readInput(&scanner))
            } catch {
                throw error.within("inputs[\(index)]")
            }
        }
        self = reader
        return inputs
    }

    private mutating func readInput(_ scanner: inout JSONScanner) throws(FormatError) -> Input {
        var input = Input()
        var reader = self
        try scanner.readMembers { name, scanner throws(FormatError) in
            switch name {
            case "name": input.name = try scanner.readString()
            case "datatype": input.datatype = try scanner.readString()
            case "shape": input.shape = try reader.readShape(&scanner)
            case "parameters":
                guard let size = try reader.readParameters(&scanner)["binary_data_size"] else { return }
                guard let bytes = size.int, bytes >= 0 else {
                    throw FormatError(.malformed, "'binary_data_size' is not a whole number of bytes")
                }
                input.binarySize = bytes
            case "data":
                let data = try scanner.readNumberArray(
                    maxRank: reader.limits.maxRank, maxCount: reader.remainingElements)
                reader.remainingElements -= data.values.count
                input.data = data
            default: try scanner.skipValue()
            }
        }
        self = reader
        return input
    }

    private func readShape(_ scanner: inout JSONScanner) throws(FormatError) -> [Int] {
        var shape: [Int] = []
        try scanner.readArray { index, scanner throws(FormatError) in
            guard index < limits.maxRank else {
                throw FormatError(.shapeMismatch, "'shape' has more than \(limits.maxRank) extents")
            }
            let extent = JSONValue.number(try scanner.readNumber())
            guard let whole = extent.int, whole >= 0 else {
                throw FormatError(.malformed, "'shape' holds something other than whole numbers from 0")
            }
            shape.append(whole)
        }
        return shape
    }

    private func readOutputs(_ scanner: inout JSONScanner) throws(FormatError) -> [InferRequest.Output] {
        var outputs: [InferRequest.Output] = []
        try scanner.readArray { index, scanner throws(FormatError) in
            guard index < limits.maxTensors else {
                throw FormatError(.malformed, "more than \(limits.maxTensors) outputs")
            }
            do throws(FormatError) {
                outputs.append(try readOutput(&scanner))
            } catch {
                throw error.within("outputs[\(index)]")
            }
        }
        var seen: Set<String> = []
        for output in outputs where !seen.insert(output.name).inserted {
            throw FormatError(.malformed, "output \(quoted(output.name)) is asked for twice")
        }
        return outputs
    }

    private func readOutput(_ scanner: inout JSONScanner) throws(FormatError) -> InferRequest.Output {
        var name: String?
        var parameters: [String: JSONValue] = [:]
        try scanner.readMembers { member, scanner throws(FormatError) in
            switch member {
            case "name": name = try scanner.readString()
            case "parameters": parameters = try readParameters(&scanner)
            default: try scanner.skipValue()
            }
        }
        guard let name else { throw FormatError(.malformed, "expected a 'name', found none") }
        let classCount = parameters["classification"]
        guard classCount == nil || (classCount?.int ?? 0) > 0 else {
            throw FormatError(.malformed, "'classification' is not a number of classes from 1")
        }
        return InferRequest.Output(
            name: name, isBinary: parameters["binary_data"]?.bool, classCount: classCount?.int)
    }

    // MARK: Tensors

    private mutating func tensors(_ inputs: [Input], _ binary: ArraySlice<UInt8>) throws(FormatError) -> StateDict {
        var rest = binary
        var tensors = StateDict()
        for (index, input) in inputs.enumerated() {
            guard let name = input.name, let shape = input.shape, let typeName = input.datatype else {
                throw FormatError(.malformed, "inputs[\(index)]: expected 'name', 'shape' and 'datatype'")
            }
            guard !tensors.contains(name) else {
                throw FormatError(.malformed, "input \(quoted(name)) appears twice")
            }
            do throws(FormatError) {
                guard let datatype = InferDatatype(rawValue: typeName), let type = datatype.elementType else {
                    throw FormatError(
                        .dtype, "expected datatype FP32, FP64, FP16 or BF16, found \(quoted(typeName))")
                }
                let count = try elementCount(shape)
                let values = try values(input, type, shape, count, &rest)
                tensors.set(
                    NamedTensor(name: name, tensor: Tensor(shape: shape, values: values), elementType: type))
            } catch {
                throw error.within("input \(quoted(name))")
            }
        }
        guard rest.isEmpty else {
            throw FormatError(.malformed, "\(rest.count) bytes follow the last input's data")
        }
        return tensors
    }

    /// The number of elements of a shape, checked against the limit before anything is allocated.
    private mutating func elementCount(_ shape: [Int]) throws(FormatError) -> Int {
        var count = 1
        for extent in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            guard !overflow, product <= limits.maxInflatedBytes / 4 else {
                throw FormatError(.inflatedTooLarge, "shape \(shape) exceeds \(limits.maxInflatedBytes) bytes")
            }
            count = product
        }
        return count
    }

    private mutating func values(
        _ input: Input, _ type: ElementType, _ shape: [Int], _ count: Int, _ rest: inout ArraySlice<UInt8>
    ) throws(FormatError) -> [Float] {
        switch (input.data, input.binarySize) {
        case (let data?, nil):
            guard data.shape == shape || (data.shape == [count]) else {
                throw FormatError(
                    .shapeMismatch, "expected data of shape \(shape) or [\(count)], found \(data.shape)")
            }
            return data.values
        case (nil, let size?):
            guard size == count * type.byteCount else {
                throw FormatError(
                    .shapeMismatch,
                    "expected \(count * type.byteCount) bytes for shape \(shape), found 'binary_data_size' \(size)")
            }
            guard size <= rest.count else {
                throw FormatError(.malformed, "expected \(size) bytes of data, found \(rest.count)")
            }
            remainingElements -= count
            guard remainingElements >= 0 else {
                throw FormatError(.inflatedTooLarge, "all inputs exceed \(limits.maxInflatedBytes) bytes")
            }
            defer { rest = rest.dropFirst(size) }
            return try ElementDecoder.decode(rest.prefix(size), as: type)
        case (nil, nil): throw FormatError(.malformed, "expected 'data' or 'binary_data_size', found neither")
        case (_?, _?): throw FormatError(.malformed, "expected 'data' or 'binary_data_size', found both")
        }
    }
}

extension JSONScanner {
    /// Reads an object like `readObject`, without the members that are null: clients write what they leave out so.
    fileprivate mutating func readMembers(
        _ body: (_ name: String, _ scanner: inout JSONScanner) throws(FormatError) -> Void
    ) throws(FormatError) {
        try readObject { name, scanner throws(FormatError) in
            guard try scanner.peek() != .null else { return try scanner.readNull() }
            try body(name, &scanner)
        }
    }
}

extension InferRequest {
    /// Reads a request's body, whose content coding is already undone.
    ///
    /// - Parameters:
    ///   - documentLength: the field `Inference-Header-Content-Length`: the bytes of the JSON document, which the
    ///     bytes of tensors follow. 0: there is no document, and the body is the little-endian float32 values of one
    ///     input. nil: the body is all document.
    ///   - rawInput: the name of that input, and the number of values of one network.
    /// - Throws: a `FormatError` that names the input or output.
    package init(
        _ body: [UInt8], documentLength: String?, rawInput: (name: String, size: Int), limits: FormatLimits
    ) throws(FormatError) {
        guard let documentLength else {
            var reader = InferRequestReader(limits: limits)
            self = try reader.read(body, binary: [])
            return
        }
        guard let length = Int(documentLength), documentLength.allSatisfy(\.isNumber), length <= body.count else {
            throw FormatError(
                .malformed,
                "Inference-Header-Content-Length: expected at most the body's \(body.count) bytes, found \(quoted(documentLength))"
            )
        }
        if length == 0 {
            self = try Self.raw(body, rawInput)
        } else {
            var reader = InferRequestReader(limits: limits)
            self = try reader.read(Array(body[..<length]), binary: body[length...])
        }
    }

    /// A request without a document asks for all outputs as bytes.
    private static func raw(_ body: [UInt8], _ input: (name: String, size: Int)) throws(FormatError) -> InferRequest {
        let values = try ElementDecoder.decode(body[...], as: .float32)
        let isWhole = input.size > 0 && values.count.isMultiple(of: input.size)
        let shape = isWhole ? [values.count / input.size, input.size] : [1, values.count]
        let tensor = NamedTensor(name: input.name, tensor: Tensor(shape: shape, values: values))
        return InferRequest(
            parameters: InferParameters(["binary_data_output": .bool(true)]), inputs: StateDict([tensor]))
    }
}
