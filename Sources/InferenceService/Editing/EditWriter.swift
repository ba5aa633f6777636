import HTTPCore
import HTTPTypes
import ModelStore
import SIREN
import Tensors
import WeightFormats

/// Writes the networks of a request to `/v1/edit`.
struct EditWriter {
    let requestID: String
    let options: EditOptions
    /// The first model that has edited; nil where all steps were exact.
    let model: ServedModel?
    /// Of an answer in JSON, to which the next network may add its own once.
    let byteLimit: Int

    /// - Parameters:
    ///   - networks: the edited networks, in the order of the request.
    ///   - names: of each network in a file of several.
    ///   - pictures: what the networks draw; nil where it was not asked for.
    func response(
        _ networks: [Result<EditedNetwork, ServiceFault>], _ names: [String?],
        _ pictures: [Result<Picture, ServiceFault>]?
    ) throws(ServiceFault) -> Response {
        if options.output == .json { return try json(networks, names, pictures) }
        guard let file = options.output.file else { return try png(pictures ?? []) }
        var edited: [EditedNetwork] = []
        for network in networks { edited.append(try network.get()) }
        var response = try response(of: file, edited)
        response.addWarnings(edited.enumerated().flatMap { warnings(of: $1, $0, of: edited.count) })
        return response
    }

    /// What is said of a network's edit, with its index where there are several.
    private func warnings(of network: EditedNetwork, _ index: Int, of count: Int) -> [String] {
        network.reading.warnings.map { count > 1 ? "network \(index): \($0)" : $0 }
    }

    private func response(of file: WeightsFile, _ edited: [EditedNetwork]) throws(ServiceFault) -> Response {
        if edited.count == 1, !edited[0].isPartOfBatch { return try file.response(edited[0].alone) }
        guard let tree = EditedNetwork.together(edited) else {
            throw .badRequest(
                "option 'output': a \(file.rawValue) file takes the networks of one uploaded file; the request has \(edited.count) in several: use json, or send them apart"
            )
        }
        return try file.response(tree)
    }

    private func png(_ pictures: [Result<Picture, ServiceFault>]) throws(ServiceFault) -> Response {
        guard pictures.count == 1 else {
            throw .badRequest("output 'png' holds one picture; the request has \(pictures.count) networks")
        }
        let picture = try pictures[0].get()
        do throws(FormatError) {
            return Response(.ok, contentType: "image/png", body: try picture.png())
        } catch {
            throw ServiceFault(error)
        }
    }

    private func json(
        _ networks: [Result<EditedNetwork, ServiceFault>], _ names: [String?],
        _ pictures: [Result<Picture, ServiceFault>]?
    ) throws(ServiceFault) -> Response {
        var writer = JSONWriter(reserving: 16 << 10)
        writer.beginObject()
        writer.member("id", requestID)
        writer.name("model")
        if let model { writer.value(model.name) } else { writer.null() }
        writer.name("results")
        var warnings: [String] = []
        var errors = 0
        writer.beginArray()
        for (index, network) in networks.enumerated() {
            writer.beginObject()
            writer.member("index", index)
            if let name = names[index] { writer.member("name", name) }
            do throws(ServiceFault) {
                let network = try network.get()
                let tree = try network.alone.inRange()
                writer.edited(network, tree, try pictures?[index].get())
                warnings += self.warnings(of: network, index, of: networks.count)
            } catch {
                errors += 1
                writer.error(code: error.code, detail: error.detail)
            }
            writer.endObject()
            guard writer.bytes.count <= byteLimit else {
                throw ServiceFault(
                    .unprocessableContent, "batch_too_large", "Batch too large",
                    "the answer has more than \(byteLimit) bytes with network \(index) of \(networks.count); send fewer networks, or take a file, such as output=npz"
                )
            }
        }
        writer.endArray()
        writer.member("errors", errors)
        if !warnings.isEmpty {
            writer.name("warnings")
            writer.array(warnings) { writer, warning in writer.value(warning) }
        }
        writer.endObject()
        return Response(.ok, contentType: "application/json", body: writer.bytes + [0x0a])
    }
}

extension Response {
    /// The most warnings that a response repeats in fields.
    private static let warningLimit = 8

    /// One field `X-Warning` for each of the first warnings, since a file has no other place for them. Characters beyond
    /// printable ASCII become question marks.
    fileprivate mutating func addWarnings(_ warnings: [String]) {
        for warning in warnings.prefix(Self.warningLimit) {
            let text = String(
                decoding: warning.utf8.prefix(1024).map { (0x20...0x7e).contains($0) ? $0 : 0x3f }, as: UTF8.self)
            fields.append(HTTPField(name: .warningText, value: text))
        }
    }
}

extension HTTPField.Name {
    fileprivate static let warningText = HTTPField.Name(token: "X-Warning")
}

extension JSONWriter {
    /// `weights`, `edits`, `picture` where there is one, and how the network is read.
    package mutating func edited(_ network: EditedNetwork, _ tree: FileTree, _ picture: Picture?) {
        name("weights")
        value(tree)
        name("edits")
        array(network.steps) { writer, step in
            writer.beginObject()
            writer.member("name", step.name)
            writer.member("exact", step.isExact)
            writer.endObject()
        }
        if let picture {
            name("picture")
            beginObject()
            name("shape")
            array([picture.height, picture.width, picture.channels]) { writer, extent in writer.value(extent) }
            member("dtype", "float32")
            name("data")
            value(Tensor(shape: [picture.height, picture.width, picture.channels], values: picture.values))
            endObject()
        }
        reading(network.reading)
    }
}

extension FileTree {
    /// The tree itself.
    /// - Throws: `non_finite` where a value leaves the range of its array's element type.
    fileprivate func inRange() throws(ServiceFault) -> FileTree {
        do throws(FormatError) {
            try checkRange()
            return self
        } catch {
            throw ServiceFault(error)
        }
    }
}
