import HTTPCore
import HTTPTypes
import ModelStore
import Networks
import Tensors
import WeightFormats

/// Turns the answers to a request's networks into its response.
struct AnswerWriter {
    let requestID: String
    let model: ServedModel?
    let options: RequestOptions

    /// - Throws: `non_finite_output` where a number cannot be written as JSON, and faults of items that the chosen
    ///   form has no place for.
    func response(_ kind: AnswerKind, _ items: [ItemAnswer]) throws(ServiceFault) -> Response {
        switch options.output ?? .json {
        case .json, .base64: return try json(kind, items)
        case .png: return try png(items)
        case .npy, .raw: return try array(kind, items)
        }
    }

    private func json(_ kind: AnswerKind, _ items: [ItemAnswer]) throws(ServiceFault) -> Response {
        var writer = JSONWriter(reserving: 512 * items.count)
        writer.beginObject()
        writer.member("id", requestID)
        if let model {
            writer.name("model")
            writer.beginObject()
            writer.identity(of: model)
            writer.endObject()
        }
        writer.name(kind.member)
        writer.array(items) { writer, item in write(item, kind, to: &writer) }
        writer.member("errors", items.count { if case .failure = $0.outcome { true } else { false } })
        writer.endObject()
        guard !writer.wroteNonFinite else { throw .nonFiniteOutput }
        return Response(.ok, contentType: "application/json", body: writer.bytes + [0x0a])
    }

    private func write(_ item: ItemAnswer, _ kind: AnswerKind, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("index", item.index)
        switch item.outcome {
        case .failure(let fault):
            writer.error(fault)
        case .success(.values(let values)):
            switch kind {
            case .classes: if let model { writer.classification(values, of: model, topK: options.topK) }
            case .accuracy: writer.member("accuracy", values.first ?? .nan)
            default: write(Tensor(shape: shape(kind, values), values: values), to: &writer)
            }
        case .success(.picture(let picture, let reference)):
            if let reference { writer.member("mse", meanSquaredError(picture, reference)) }
            write(
                Tensor(shape: [picture.height, picture.width, picture.channels], values: picture.values), to: &writer)
        }
        if let detection = item.detection {
            writer.convention(detection)
        }
        writer.endObject()
    }

    private func write(_ tensor: Tensor, to writer: inout JSONWriter) {
        writer.name("shape")
        writer.array(tensor.shape) { writer, extent in writer.value(extent) }
        writer.member("dtype", "float32")
        writer.name("data")
        if options.output == .base64 {
            writer.value(Base64.encode(tensor.values))
        } else {
            writer.value(tensor)
        }
    }

    /// All results as one array with the networks first.
    private func array(_ kind: AnswerKind, _ items: [ItemAnswer]) throws(ServiceFault) -> Response {
        var values: [Float] = []
        var shape: [Int] = []
        for item in items {
            switch try item.outcome.get() {
            case .values(let own):
                let row = kind == .classes ? model?.classification(own).logits ?? own : own
                values += row
                shape = self.shape(kind, row)
            case .picture(let picture, _):
                values += picture.values
                shape = [picture.height, picture.width, picture.channels]
            }
        }
        let tensor = Tensor(shape: [items.count] + shape, values: values)
        var response =
            options.output == .npy
            ? Response(.ok, contentType: "application/x-npy", body: NPYWriter.write(tensor))
            : Response(.ok, contentType: "application/octet-stream", body: FloatBytes.littleEndian(values))
        response.fields.set("X-Tensor-Shape", to: tensor.shape.map(String.init).joined(separator: ","))
        response.fields.set("X-Tensor-Dtype", to: "float32")
        return response
    }

    private func png(_ items: [ItemAnswer]) throws(ServiceFault) -> Response {
        guard items.count == 1 else {
            throw .badRequest("image/png holds one picture; the request has \(items.count) networks")
        }
        guard case .picture(let picture, _) = try items[0].outcome.get() else {
            throw .badRequest("output 'png' is for pictures: reconstruct and render")
        }
        do throws(FormatError) {
            return Response(.ok, contentType: "image/png", body: try picture.png())
        } catch {
            throw ServiceFault(error)
        }
    }

    private func shape(_ kind: AnswerKind, _ values: [Float]) -> [Int] {
        if case .latents(let shape) = kind { return shape }
        return [values.count]
    }

    private func meanSquaredError(_ a: Picture, _ b: Picture) -> Float {
        let sum = zip(a.values, b.values).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
        return Float(sum / Double(max(a.values.count, 1)))
    }
}

/// What a request asked for, which decides how answers are written.
enum AnswerKind: Sendable, Equatable {
    case classes
    case latents(shape: [Int])
    case reconstructions
    case pictures
    case accuracy

    /// The member that lists the answers.
    var member: String {
        switch self {
        case .classes, .accuracy: "predictions"
        case .latents: "latents"
        case .reconstructions: "reconstructions"
        case .pictures: "pictures"
        }
    }
}
