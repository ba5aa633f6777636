import HTTPCore
import HTTPTypes
import ModelStore
import Models
import Networks
import SIREN
import Tensors
import WeightFormats

/// Writes the answers to a `/v1` request's networks in the form that its options ask for.
struct AnswerWriter {
    let requestID: String
    let model: ServedModel?
    let options: RequestOptions
    /// How the model was chosen, as a sentence; nil where the request left no choice.
    var choice: String?

    /// The most members that `ignored` lists.
    private static let mostIgnored = 64

    /// - Parameter list: the kind of all items.
    /// - Throws: `non_finite_output` where a number cannot be written as JSON; faults of items, and `bad_request`,
    ///   where the form has no place for the items.
    func response(
        _ list: AnswerList, _ items: [ItemAnswer], ignored: [String] = []
    ) throws(ServiceFault) -> Response {
        switch options.output ?? .json {
        case .json, .base64: try json(list, items, ignored)
        case .png: try png(items)
        case .npy, .raw, .safetensors, .npz: try array(list, items)
        }
    }

    /// `{"predictions": [...]}`, the answer of KServe's V1 protocol: the same items without what is around them.
    /// - Throws: `non_finite_output` where a number cannot be written as JSON.
    func predictions(_ items: [ItemAnswer]) throws(ServiceFault) -> Response {
        var writer = JSONWriter(reserving: 512 * items.count)
        writer.beginObject()
        writer.name("predictions")
        writer.array(items) { writer, item in write(item, to: &writer) }
        writer.endObject()
        guard !writer.wroteNonFinite else { throw .nonFiniteOutput }
        return Response(.ok, contentType: "application/json", body: writer.bytes + [0x0a])
    }

    private func json(
        _ list: AnswerList, _ items: [ItemAnswer], _ ignored: [String]
    ) throws(ServiceFault) -> Response {
        var writer = JSONWriter(reserving: 512 * items.count)
        writer.beginObject()
        writer.member("id", requestID)
        if let model {
            writer.name("model")
            writer.beginObject()
            writer.identity(of: model)
            if let choice { writer.member("chosen", choice) }
            writer.endObject()
        }
        writer.name(list.rawValue)
        writer.array(items) { writer, item in write(item, to: &writer) }
        writer.member("errors", items.count { if case .failure = $0.outcome { true } else { false } })
        if !ignored.isEmpty {
            // A file can hold thousands of members.
            writer.name("ignored")
            writer.array(ignored.prefix(Self.mostIgnored)) { writer, name in writer.value(name) }
        }
        writer.endObject()
        guard !writer.wroteNonFinite else { throw .nonFiniteOutput }
        return Response(.ok, contentType: "application/json", body: writer.bytes + [0x0a])
    }

    private func write(_ item: ItemAnswer, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("index", item.index)
        if let name = item.name { writer.member("name", name) }
        switch item.outcome {
        case .failure(let fault): writer.error(code: fault.code, detail: fault.detail)
        case .success(.model(.classes(let classes))):
            writer.classification(classes, labels: model?.labels ?? [], topK: options.topK)
        case .success(.model(.scalars(let values))): writer.scalars(values, named: model?.targets ?? [])
        case .success(let value):
            if case .picture(let picture, let reference?) = value {
                writer.member("mse", meanSquaredError(picture, reference))
            }
            write(tensor(value), to: &writer)
        }
        if let drift = item.drift { writer.drift(drift) }
        if let prepared = item.prepared { writer.reading(prepared) }
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

    /// One item as an array: the logits of classes, the values of anything else.
    private func tensor(_ value: ItemAnswer.Value) -> Tensor {
        switch value {
        case .model(.classes(let classes)): vector(classes.scores.logits)
        case .model(.scalars(let values)): vector(values)
        case .model(.weights(let networks)): vector(networks.flatMap(\.flattened))
        case .model(.latents(let latents)): Tensor(shape: latents.shape, values: latents.values)
        case .model(.picture(let picture)), .picture(let picture, _):
            Tensor(shape: [picture.height, picture.width, picture.channels], values: picture.values)
        }
    }

    private func vector(_ values: [Float]) -> Tensor { Tensor(shape: [values.count], values: values) }

    /// All items as one array, the networks along its first axis.
    private func array(_ list: AnswerList, _ items: [ItemAnswer]) throws(ServiceFault) -> Response {
        var values: [Float] = []
        var shape: [Int] = []
        for item in items {
            let tensor = tensor(try item.outcome.get())
            values += tensor.values
            shape = tensor.shape
        }
        let tensor = Tensor(shape: [items.count] + shape, values: values)
        var response: Response
        switch options.output {
        case .npy: response = Response(.ok, contentType: "application/x-npy", body: NPYWriter.write(tensor))
        case .safetensors, .npz: response = try file(StateDict([NamedTensor(name: list.rawValue, tensor: tensor)]))
        default:
            response = Response(.ok, contentType: "application/octet-stream", body: FloatBytes.littleEndian(values))
        }
        response.fields.set("X-Tensor-Shape", to: tensor.shape.map(String.init).joined(separator: ","))
        response.fields.set("X-Tensor-Dtype", to: "float32")
        return response
    }

    /// A file of one array, named as the list of answers in JSON; the metadata of safetensors name the model.
    private func file(_ state: StateDict) throws(ServiceFault) -> Response {
        guard options.output == .npz else {
            var state = state
            if let model {
                state.metadata = ["model": model.name, "version": model.version, "sha256": model.sha256]
            }
            return Response(.ok, contentType: "application/octet-stream", body: SafetensorsWriter.write(state))
        }
        do throws(FormatError) {
            return Response(.ok, contentType: "application/zip", body: try NPZWriter.write(state))
        } catch {
            throw ServiceFault(error)
        }
    }

    private func png(_ items: [ItemAnswer]) throws(ServiceFault) -> Response {
        guard items.count == 1 else {
            throw .badRequest("image/png holds one picture; the request has \(items.count) networks")
        }
        guard case .picture(let picture, _) = try items[0].outcome.get() else {
            let others = OutputFormat.allCases.filter { $0 != .png }.map(\.rawValue)
            throw .badRequest(
                "output 'png' is for pictures, which reconstruct and render answer; expected \(others.joined(separator: ", "))"
            )
        }
        do throws(FormatError) {
            return Response(.ok, contentType: "image/png", body: try picture.png())
        } catch {
            throw ServiceFault(error)
        }
    }

    private func meanSquaredError(_ a: Picture, _ b: Picture) -> Float {
        let sum = zip(a.values, b.values).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
        return Float(sum / Double(max(a.values.count, 1)))
    }
}

/// The member of the JSON document that lists the answers.
enum AnswerList: String, Sendable {
    case predictions, latents, reconstructions, pictures, networks

    init(_ output: Output) {
        self =
            switch output {
            case .classes, .scalars: .predictions
            case .latents: .latents
            case .picture: .reconstructions
            case .weights: .networks
            }
    }

    /// The outputs that have a path.
    static let outputs: [Output] = [.classes, .latents, .picture, .scalars]
}
