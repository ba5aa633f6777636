import Datasets
import HTTPCore
import HTTPTypes
import ModelStore
import Models
import Networks
import SIREN
import Tensors
import WeightFormats

/// Writes the networks of a request to `/v1/fit`.
struct FitWriter {
    let requestID: String
    let options: FitOptions

    /// - Parameter classified: the answers for the pictures that have a network; nil where none were asked for.
    func response(
        _ results: [Result<FittedPicture, ServiceFault>], _ classified: FitClassification?
    ) throws(ServiceFault) -> Response {
        guard options.output != .json else { return try json(results, classified) }
        var fitted: [FittedPicture] = []
        for result in results { fitted.append(try result.get()) }
        guard let file = options.output.file else { throw .internalFault }
        var response = try file.response(tree(of: fitted))
        func list(_ values: [String]) -> String { values.joined(separator: ",") }
        response.fields.set("X-Fit-Psnr", to: list(fitted.map { "\($0.psnr)" }))
        response.fields.set("X-Fit-Steps", to: list(fitted.map { String($0.steps) }))
        response.fields.set("X-Fit-Milliseconds", to: list(fitted.map { "\(milliseconds($0.duration))" }))
        return response
    }

    /// The networks as named tensors: one as its module has them, several with an axis of networks before the others. The
    /// metadata say how the values are to be read.
    private func tree(of fitted: [FittedPicture]) -> FileTree {
        let states = fitted.map(\.network.stateDict)
        var state = states.first ?? StateDict()
        if states.count > 1 {
            state = StateDict(
                state.entries.map { entry in
                    NamedTensor(
                        name: entry.name,
                        tensor: Tensor(
                            shape: [states.count] + entry.tensor.shape,
                            values: states.flatMap { $0[entry.name]?.values ?? [] }))
                })
        }
        let arrays = state.entries.map { FileTree.Member(key: $0.name, value: .array($0.tensor, $0.elementType)) }
        return [
            ("convention", options.recipe.convention.rawValue), ("omega0", "\(options.recipe.omega0)"),
            ("seed", String(options.recipe.seed)),
        ].reduce(.dict(arrays)) { $0.settingMetadata($1.0, to: $1.1) }
    }

    private func json(
        _ results: [Result<FittedPicture, ServiceFault>], _ classified: FitClassification?
    ) throws(ServiceFault) -> Response {
        var writer = JSONWriter(reserving: 16 << 10)
        writer.beginObject()
        writer.member("id", requestID)
        if let classified {
            writer.name("model")
            writer.beginObject()
            writer.identity(of: classified.model)
            writer.endObject()
        }
        var answers = classified?.answers.makeIterator()
        writer.name("networks")
        writer.array(results.enumerated()) { writer, item in
            writer.beginObject()
            writer.member("index", item.offset)
            switch item.element {
            case .failure(let fault): writer.error(code: fault.code, detail: fault.detail)
            case .success(let fitted):
                write(fitted, to: &writer)
                if let classified, let answer = answers?.next() {
                    writer.name("prediction")
                    writer.beginObject()
                    switch answer {
                    case .success(let classes):
                        writer.classification(classes, labels: classified.model.labels, topK: options.topK)
                    case .failure(let fault): writer.error(code: fault.code, detail: fault.detail)
                    }
                    writer.endObject()
                }
            }
            writer.endObject()
        }
        writer.member("errors", results.count { if case .failure = $0 { true } else { false } })
        writer.endObject()
        guard !writer.wroteNonFinite else { throw .nonFiniteOutput }
        return Response(.ok, contentType: "application/json", body: writer.bytes + [0x0a])
    }

    private func write(_ fitted: FittedPicture, to writer: inout JSONWriter) {
        let picture = fitted.picture
        writer.name("picture")
        writer.array([picture.height, picture.width, picture.channels]) { writer, extent in writer.value(extent) }
        writer.name("sizes")
        writer.array(fitted.network.spec.sizes) { writer, size in writer.value(size) }
        writer.member("notation", options.recipe.convention.rawValue)
        writer.member("omega0", options.recipe.omega0)
        writer.member("seed", Int(options.recipe.seed))
        writer.member("psnr", fitted.psnr)
        writer.member("steps", fitted.steps)
        writer.member("milliseconds", milliseconds(fitted.duration))
        writer.name("weights")
        writer.value(fitted.network.stateDict)
    }

    private func milliseconds(_ duration: Duration) -> Double {
        (duration / .milliseconds(1) * 1000).rounded() / 1000
    }
}
