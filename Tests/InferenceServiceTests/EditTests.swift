import Foundation
import HTTPCore
import ModelStore
import Models
import NetworkReading
import Networks
import SIREN
import Tensors
import TestSupport
import Testing
import Uploads
import WeightFormats

@testable import InferenceService

@Suite("Service: edits")
struct EditTests {
    private static let body = Result { try Samples.bytes("net0.safetensors") }
    private static let nfn = "convention=nfn"

    /// A model that was never trained, with three edits; the last answers as two networks.
    private static let editor = Result {
        func node(_ channels: Int) -> String {
            "{\"type\": \"TransferNet\", \"file\": \"e\(channels).safetensors\", \"mode\": \"NP\", \"hidden_chan\": \(channels), \"hidden_layers\": 1}"
        }
        let wide =
            "{\"type\": \"WeightEditor\", \"file\": \"w.safetensors\", \"block_type\": \"np_residual\", \"enc_map_size\": 4, \"num_blocks\": 1, \"networks\": 2}"
        let text =
            "{\"name\": \"editor\", \"input\": {\"sizes\": [2, 32, 32, 1], \"family\": \"siren\", \"convention\": \"nfn\", \"omega0\": 30, \"array_scales\": null, \"canonicalize\": true}, \"model\": {\"type\": \"Editor\", \"edits\": {\"dilate\": \(node(3)), \"erode\": \(node(4)), \"wide\": \(wide)}}}"
        return try ServedModel(drawing: try ModelConfiguration(json: Array(text.utf8)))
    }

    private func service(
        withEditor: Bool = false, _ change: (inout ServiceConfiguration) -> Void = { _ in }
    ) throws -> ServiceDriver {
        let models = try [Models.embedded.get()] + (withEditor ? [Self.editor.get()] : [])
        return try ServiceDriver(models: models, change)
    }

    private func first(_ answer: Answer) throws -> JSONValue { try #require(try answer.items("results").first) }

    private func weights(_ item: JSONValue) throws -> NetworkWeights {
        try NetworkWeights(
            StateDict(
                try #require(item["weights"]?.members).filter { $0.value.array != nil }.map { member in
                    let rows = member.value.array ?? []
                    let shape = rows.first?.array.map { [rows.count, $0.count] } ?? [rows.count]
                    return NamedTensor(name: member.name, tensor: Tensor(shape: shape, values: member.value.numbers))
                }))
    }

    private func pixels(_ network: NetworkWeights, _ notation: Notation = .nfn, side: Int = 9) throws -> [Float] {
        try DrawnFunction(network, notation).picture(height: side, width: side).values
    }

    private func difference(_ a: [Float], _ b: [Float]) -> Float {
        a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
    }

    @Test("a model that only edits makes no predictions")
    func predictions() throws {
        let body = "{\"instances\":[\(Samples.json(try Samples.tensors(0)))]}"
        let answer = try service(withEditor: true).post("/v1/models/editor:predict", json: body)
        let text = try #require(try answer.json(404)["error"]?.string)
        #expect(text.contains("'editor' makes no predictions; it offers edit: POST networks to /v1/edit"), "\(text)")
    }

    @Test("an answer has the edited weights under the upload's names, the steps and the notation")
    func exact() throws {
        let answer = try service().post("/v1/edit?edits=rotate:90,invert&size=5&\(Self.nfn)", try Self.body.get())
        let document = try answer.json()
        #expect(document.members?.map(\.name) == ["id", "model", "results", "errors"])
        #expect(document["model"]?.isNull == true && document["errors"]?.int == 0)
        let item = try first(answer)
        #expect(item.members?.map(\.name) == ["index", "weights", "edits", "picture", "convention", "notation"])
        #expect(item["edits"]?.array?.map { $0["name"]?.string } == ["rotate", "invert"])
        #expect(item["edits"]?.array?.map { $0["exact"]?.bool } == [true, true])
        #expect(item["convention"]?["name"]?.string == "nfn")
        #expect(item["weights"]?.members?.map(\.name) == (try Samples.tensors(0).names))
        let own = try weights(item)
        #expect(item["picture"]?["shape"]?.numbers == [5, 5, 1])
        #expect(difference(try #require(item["picture"]?["data"]?.numbers), try pixels(own, side: 5)) < 1e-6)
        let old = try pixels(try Samples.network())
        let wanted = (0..<81).map { -old[$0 % 9 * 9 + 8 - $0 / 9] }
        #expect(difference(try pixels(own), wanted) < 1e-5)
    }

    @Test("steps come from the query, a form or a document, there also as a list")
    func sources() throws {
        let service = try service()
        func values(_ item: JSONValue) throws -> [Float] { try weights(item).flattened }
        let wanted = try values(first(service.post("/v1/edit?edits=mirror:x,zoom:2&\(Self.nfn)", try Self.body.get())))
        var form = Form()
        form.add("file", file: "net", try Self.body.get())
        form.add("edits", "mirror:x,zoom:2")
        form.add("convention", "nfn")
        #expect(try values(first(service.post("/v1/edit", form.closed, Form.fields))) == wanted)
        let network = Samples.json(try Samples.tensors(0))
        for edits in ["\"mirror:x,zoom:2\"", "[\"mirror:x\", \"zoom:2\"]"] {
            for document in [
                "{\"inputs\": [\(network)], \"edits\": \(edits), \"convention\": \"nfn\"}",
                "{\"edits\": \(edits), \"convention\": \"nfn\", \(network.dropFirst())",
            ] {
                #expect(try values(first(service.post("/v1/edit", json: document))) == wanted)
            }
        }
        let many = (0..<6).map { _ in "\"rotate:60\"" }.joined(separator: ",")
        let round = try first(
            service.post("/v1/edit?\(Self.nfn)", json: "{\"inputs\": [\(network)], \"edits\": [\(many)]}"))
        #expect(round["edits"]?.array?.count == 6)
        #expect(difference(try weights(round).flattened, try Samples.network().flattened) < 1e-5)
    }

    @Test(
        "files have the edited weights in the form and the element types of the upload", arguments: WeightsFile.allCases
    )
    func files(_ format: WeightsFile) throws {
        let service = try service()
        for name in Samples.exact + Samples.rounded {
            let source = try WeightFile.read(try Samples.bytes(name)).tree.namedArrays
            let answer = try service.post("/v1/edit?edits=mirror:y&output=\(format.rawValue)", try Samples.bytes(name))
            #expect(answer.status == 200, "\(name): \(answer.text.prefix(200))")
            #expect(answer.field("Content-Type") == (format == .npz ? "application/zip" : "application/octet-stream"))
            let result = try WeightFile.read(answer.body).tree.namedArrays
            // Numbers of a checkpoint are arrays without axes in npz.
            let names = result.entries.filter { $0.tensor.rank > 0 }.map(\.name)
            #expect(names.sorted() == source.names.sorted(), "\(name)")
            for entry in source.entries {
                let own = try #require(result.entries.first { $0.name == entry.name })
                let type = format == .npz && entry.elementType == .bfloat16 ? .float32 : entry.elementType
                #expect(own.tensor.shape == entry.tensor.shape && own.elementType == type, "\(name) \(entry.name)")
            }
            let back = try service.post("/v1/edit?edits=mirror:y&output=\(format.rawValue)", answer.body)
            let again = try WeightFile.read(back.body).tree.namedArrays
            #expect(source.entries.allSatisfy { again[$0.name]?.values == $0.tensor.values }, "\(name)")
        }
    }

    @Test("what lies beside the network is kept")
    func company() throws {
        let answer = try service().post("/v1/edit?edits=invert&output=pt", try Samples.bytes("net0.nested.pth"))
        let (own, source) = (
            try WeightFile.read(answer.body).tree, try WeightFile.read(try Samples.bytes("net0.nested.pth")).tree
        )
        guard case .dict(let members) = own, case .dict(let wanted) = source else { return }
        #expect(members.map(\.key) == wanted.map(\.key))
        #expect(zip(members, wanted).filter { $0.0.value == $0.1.value }.count == wanted.count - 1)
    }

    @Test("every network of a file is edited: in JSON by itself, in a file in its place")
    func batches() throws {
        let service = try service()
        let stack = try Samples.stack()
        let body = SafetensorsWriter.write(stack)
        let items = try service.post("/v1/edit?edits=invert&\(Self.nfn)", body).items("results")
        #expect(items.count == 4)
        for (index, item) in items.enumerated() {
            let (own, old) = (try pixels(try weights(item)), try pixels(try Samples.network(index)))
            #expect(difference(own, old.map { -$0 }) < 1e-5)
        }
        let answer = try service.post("/v1/edit?edits=invert&output=safetensors&\(Self.nfn)", body)
        let result = try WeightFile.read(answer.body).stateDict()
        #expect(result.names == stack.names)
        #expect(result.entries.map(\.tensor.shape) == stack.entries.map(\.tensor.shape))
        #expect(try NetworkWeights.batch(from: result).map(\.flattened) == items.map { try weights($0).flattened })
        var form = Form()
        for index in 0..<2 { form.add("file", file: "n", Samples.safetensors(try Samples.network(index))) }
        #expect(
            try service.post("/v1/edit?edits=invert&\(Self.nfn)", form.closed, Form.fields).items("results").count == 2)
        let several = try service.post("/v1/edit?edits=invert&output=npz&\(Self.nfn)", form.closed, Form.fields)
        #expect(try several.problem().detail.contains("send them apart"))
        let png = try service.post("/v1/edit?edits=invert&output=png&\(Self.nfn)", body)
        #expect(try png.problem().status == 400)
    }

    @Test("a network that cannot be edited fails alone, and all of them where the request is strict")
    func failures() throws {
        let service = try service()
        let good = Samples.json(try Samples.tensors(0))
        let solid = Samples.json(NetworkWeights.example(spec: NetworkSpec(sizes: [3, 4, 1]), seed: 1).stateDict)
        let document =
            "{\"inputs\": {\"a\": \(solid), \"b\": \(good)}, \"convention\": \"nfn\", \"edits\": \"rotate:5\"}"
        let answer = try service.post("/v1/edit", json: document)
        let items = try answer.items("results")
        #expect(items.map { $0["name"]?.string } == ["a", "b"])
        #expect(items[0]["error"]?["code"]?.string == "not_editable" && items[1]["weights"] != nil)
        #expect(try answer.json()["errors"]?.int == 1)
        let strict = try service.post("/v1/edit?strict=1", json: document).problem()
        #expect(strict.status == 422 && strict.code == "not_editable" && strict.detail.hasPrefix("network 0: "))
        let alone = try service.post("/v1/edit?edits=rotate:5", json: solid).problem()
        #expect(alone.code == "not_editable" && alone.detail.contains("2 inputs"))
    }

    @Test("two networks become one that draws the mean")
    func blend() throws {
        let service = try service()
        var form = Form()
        form.add("file", file: "n", Samples.safetensors(try Samples.network(0)))
        let second = try Samples.network(1).converted(from: .nfn, to: .dws)
        form.add("file", file: "n", Samples.safetensors(second))
        let query = "/v1/edit?edits=blend:0.25&convention="
        let items = try service.post(query + "nfn", form.closed, Form.fields).items("results")
        #expect(items.count == 1)
        let own = try weights(items[0])
        #expect(own.spec.sizes == [2, 64, 64, 1])
        #expect(own.layers.map(\.weightName) == (try Samples.network(0)).layers.map(\.weightName))
        let wanted = zip(try pixels(try Samples.network(0)), try pixels(second)).map { 0.75 * $0 + 0.25 * $1 }
        #expect(difference(try pixels(own), wanted) < 1e-5)
        let file = try service.post(query + "nfn&output=pt", form.closed, Form.fields)
        #expect(try WeightFile.read(file.body).stateDict().count == 6)
        let stack = try service.post(query + "nfn", SafetensorsWriter.write(try Samples.stack())).problem()
        #expect(stack.status == 400 && stack.detail.contains("received 4"))
    }

    @Test("a document keeps what says how it is read, without the request's other options")
    func documents() throws {
        let service = try service()
        let network = Samples.json(try Samples.tensors(0)).dropFirst()
        let plain = try service.post(
            "/v1/edit", json: "{\"omega0\": 20, \"order\": \"columns\", \"edits\": \"invert\", \(network)")
        let kept = try #require(try first(plain)["weights"])
        #expect(kept["omega0"]?.double == 20 && kept["order"]?.string == "columns" && kept["edits"] == nil)
        let converted = try service.post(
            "/v1/edit", json: "{\"omega0\": 20, \"order\": \"columns\", \"edits\": \"convert:nfn\", \(network)")
        let changed = try #require(try first(converted)["weights"])
        #expect(changed["omega0"]?.double == 30 && changed["order"]?.string == "rows")
    }

    @Test("an array of one number that would have to say two frequencies is named")
    func frequencyArray() throws {
        var state = try Samples.tensors(0)
        state.set(NamedTensor(name: "omega_0", tensor: Tensor(shape: [1], values: [30])))
        let body = SafetensorsWriter.write(state)
        let problem = try service().post("/v1/edit?edits=convert:siren-pytorch&output=npz", body).problem()
        #expect(problem.code == "not_editable" && problem.detail.contains("'omega_0'"))
        #expect(problem.detail.contains("convert:siren-pytorch"))
        #expect(try service().post("/v1/edit?edits=convert:nfn&output=npz", body).status == 200)
    }

    @Test("networks that would grow beyond the limit are refused, blended and learned ones")
    func growth() throws {
        var form = Form()
        for index in 0..<2 { form.add("file", file: "n", Samples.safetensors(try Samples.network(index))) }
        // 2-64-64-1, and 2² times 2-32-32-1.
        let blended = 64 * 3 + 64 * 65 + 65
        let learned = 4 * (32 * 3 + 32 * 33 + 33)
        for excess in [0, 1] {
            let blend = try service { $0.maxEditedParameters = blended - excess }
                .post("/v1/edit?edits=blend:0.5&\(Self.nfn)", form.closed, Form.fields)
            let wide = try service(withEditor: true) { $0.maxEditedParameters = learned - excess }
                .post("/v1/edit?edits=wide&\(Self.nfn)", try Self.body.get())
            guard excess > 0 else {
                #expect(blend.status == 200 && wide.status == 200)
                continue
            }
            for (answer, name) in [(blend, "blend: "), (wide, "edit 'wide'")] {
                let problem = try answer.problem()
                #expect(problem.status == 422 && problem.code == "batch_too_large")
                #expect(problem.detail.hasPrefix(name), "\(problem.detail)")
            }
        }
    }

    @Test("an answer in JSON has a limit; a stack answers each network without what the stack has in common")
    func answerSize() throws {
        var state = try Samples.stack()
        state.set(NamedTensor(name: "images", tensor: Tensor(zeros: [4, 100, 100])))
        let body = SafetensorsWriter.write(state)
        let path = "/v1/edit?edits=invert&\(Self.nfn)"
        let answer = try service().post(path, body)
        #expect(try answer.items("results").allSatisfy { $0["weights"]?["images"] == nil })
        let problem = try service { $0.maxEditAnswerBytes = 30_000 }.post(path, body).problem()
        #expect(problem.status == 422 && problem.code == "batch_too_large" && problem.detail.contains("of 4"))
        let file = try service { $0.maxEditAnswerBytes = 30_000 }.post(path + "&output=npz", body)
        #expect(try WeightFile.read(file.body).stateDict()["images"]?.shape == [4, 100, 100])
    }

    @Test("two arrays of one path are not written in a format that names arrays by paths")
    func equalPaths() throws {
        let member = FileTree.Member(key: "b", value: .array(Tensor(zeros: [1]), .float32))
        let tree = FileTree.dict([
            FileTree.Member(key: "a.b", value: .array(Tensor(zeros: [2]), .float32)),
            FileTree.Member(key: "a", value: .dict([member])),
        ])
        for file in [WeightsFile.safetensors, .npz] {
            let error = #expect(throws: FormatError.self) { try file.bytes(tree) }
            #expect(error?.detail.contains("'a.b'") == true)
        }
        #expect(try WeightFile.read(WeightsFile.pt.bytes(tree)).tree == tree)
    }

    @Test("a conversion says how the weights are read now, in the answer and in safetensors' metadata")
    func conversion() throws {
        let service = try service()
        let fitted = SafetensorsWriter.write(
            try Samples.network().stateDict.with(["convention": "nfn", "omega0": "30.0", "seed": "1"]))
        let answer = try service.post("/v1/edit?edits=convert:siren-pytorch,invert", fitted)
        let item = try first(answer)
        #expect(
            item["convention"]?["name"]?.string == "siren-pytorch" && item["notation"]?["hidden_omega0"]?.double == 1)
        #expect(try answer.json()["warnings"]?.strings?.contains { $0.contains("convention=siren-pytorch") } == true)
        let file = try service.post("/v1/edit?edits=convert:siren-pytorch,invert&output=safetensors", fitted)
        let read = try WeightFile.read(file.body)
        #expect(read.metadata["convention"] == "siren-pytorch" && read.metadata["seed"] == "1")
        let rendered = try service.post("/v1/render?height=9&width=9", file.body).items("pictures")[0]
        #expect(rendered["convention"]?["name"]?.string == "siren-pytorch")
        let old = try pixels(try Samples.network())
        #expect(difference(try #require(rendered["data"]?.numbers), old.map { -$0 }) < 1e-5)
    }

    @Test("a picture is what the edited network draws, of 28 by 28 pixels where no size is asked for")
    func pictures() throws {
        let answer = try service().post(
            "/v1/edit?edits=mirror:x&output=png&size=70&\(Self.nfn)", try Self.body.get())
        #expect(answer.field("Content-Type") == "image/png")
        let edited = try NotatedNetwork(try Samples.network(), .nfn).applying(.coordinates(.mirror(.x)))
        let wanted = try edited.function().picture(height: 70, width: 70)
        #expect(answer.body == (try wanted.png()))
        let standard = try service().post("/v1/edit?edits=mirror:x&output=png", try Self.body.get())
        #expect(standard.body == (try edited.function().picture(height: 28, width: 28).png()))
    }

    @Test("a picture waits for no fit")
    func picturesBesideFits() throws {
        let service = try ServiceDriver { ($0.threads, $0.maxFitOperations) = (1, .max) }
        let cancellation = Cancellation()
        let picture = Array("P5 64 64 255\n".utf8) + [UInt8](repeating: 99, count: 64 * 64)
        let fit = try service.start("POST", "/v1/fit?steps=100000", [:], picture, cancellation: cancellation)
        let answer = try service.post("/v1/edit?edits=mirror:x&output=png&size=9&\(Self.nfn)", try Self.body.get())
        #expect(answer.status == 200 && fit.isEmpty)
        cancellation.cancel()
        #expect(try fit.take().status == 499)
    }

    @Test("an answer that cannot have its form is refused before a model edits")
    func earlyRefusals() throws {
        let models = try [Self.editor.get()]
        let service = try ServiceDriver(models: models, { $0.maxPictureValues = 10_000 }) { _, networks, _ in
            networks.map { _ in .failure(.internalFault) }
        }
        func problem(_ query: String, _ body: [UInt8], _ fields: [String: String] = [:]) throws -> Problem {
            try service.post("/v1/edit?edits=dilate&\(Self.nfn)&\(query)", body, fields).problem()
        }
        let one = try Self.body.get()
        #expect(try problem("", one).status == 500, "the model would be asked")
        #expect(try problem("size=513", one).detail.contains("from 1 to 512, received '513'"))
        #expect(try problem("size=101", one).code == "batch_too_large")
        for file in WeightsFile.allCases {
            let detail = try problem("size=9&output=\(file.rawValue)", one).detail
            #expect(detail.hasPrefix("option 'size': a \(file.rawValue) file has no place for a picture"))
        }
        let stack = SafetensorsWriter.write(try Samples.stack())
        #expect(try problem("output=png", stack).detail == "output 'png' holds one picture; the request has 4 networks")
        var form = Form()
        for index in 0..<2 { form.add("file", file: "n", Samples.safetensors(try Samples.network(index))) }
        #expect(try problem("output=npz", form.closed, Form.fields).detail.contains("send them apart"))
    }

    @Test(
        "what a request asks wrongly is refused with what is expected",
        arguments: [
            ("", "bad_request", "option 'edits' is missing"), ("edits=rotate", "bad_request", "rotate:DEGREES"),
            ("edits=mirror:x&output=gif", "bad_request", "expected one of json, safetensors, npz, pt, png"),
            ("edits=mirror:x&size=0", "bad_request", "'size'"), ("edits=mirror:x&size=5000", "bad_request", "1 to 512"),
            ("edits=mirror:x&height=5", "bad_request", "unknown option 'height'"),
            ("edits=blend:0.5", "bad_request", "exactly two networks"),
            ("edits=convert:relu&convention=nfn", "not_editable", "relu"),
            ("edits=brightness:1&model=nobody", "no_such_model", "nobody"),
            ("edits=dilate", "no_such_operation", "exact edits are rotate:DEGREES"),
            ("edits=dilate", "no_such_operation", "no model that is served offers edits"),
        ])
    func refusals(_ query: String, _ code: String, _ detail: String) throws {
        let problem = try service().post("/v1/edit?\(query)", try Self.body.get()).problem()
        #expect(problem.code == code && problem.detail.contains(detail), "\(problem.detail)")
    }

    @Test("float16 weights that would leave their range are refused by name, in JSON too")
    func range() throws {
        for output in ["json", "safetensors", "pt"] {
            let problem = try service().post(
                "/v1/edit?edits=brightness:100,contrast:100,contrast:100&\(Self.nfn)&output=\(output)",
                try Samples.bytes("net0.float16.pth"))
            let text = output == "json" ? problem.text : try problem.problem().detail
            #expect(text.contains("beyond the range of float16") && text.contains("net.2"), "\(text.prefix(300))")
        }
    }

    @Test("a file that names a function behind the last layer keeps its values, but may be turned")
    func outputNonlinearity() throws {
        let network = Samples.json(try Samples.tensors(0))
        let document =
            "{\"inputs\": [{\"state\": \(network), \"final_activation\": \"sigmoid\"}], \"convention\": \"nfn\"}"
        let problem = try service().post("/v1/edit?edits=invert&strict=1", json: document).problem()
        #expect(problem.code == "not_editable" && problem.detail.contains("final_activation"))
        #expect(try service().post("/v1/edit?edits=rotate:9", json: document).items("results")[0]["weights"] != nil)
        for preset in NotationPreset.allCases where preset != .relu {
            let answer = try service().post("/v1/edit?edits=convert:\(preset.rawValue)", json: document)
            let isSame = preset.notation.values == Notation.nfn.values
            #expect(try (answer.items("results")[0]["error"] == nil) == isSame, "\(preset)")
        }
        let learned = try service(withEditor: true).post("/v1/edit?edits=dilate&strict=1", json: document).problem()
        #expect(learned.code == "not_editable" && learned.detail.contains("final_activation"))
    }

    // MARK: Learned edits

    @Test("a model's edit changes the weights by its answer times the amount")
    func learned() throws {
        let service = try service(withEditor: true)
        let body = try Self.body.get()
        func edited(_ steps: String) throws -> JSONValue {
            try first(try service.post("/v1/edit?edits=\(steps)&\(Self.nfn)", body))
        }
        let item = try edited("dilate")
        #expect(item["edits"]?.array?.map { $0["exact"]?.bool } == [false])
        let (whole, half, none) = (
            try weights(item).flattened, try weights(edited("dilate:0.5")).flattened,
            try weights(edited("dilate:0")).flattened
        )
        #expect(whole != none)
        #expect(difference(half, zip(whole, none).map { ($0 + $1) / 2 }) < 1e-5)
        #expect(difference(try pixels(weights(edited("dilate:0"))), try pixels(try Samples.network())) < 1e-4)
        #expect(try weights(edited("erode")).flattened != whole)
        let both = try edited("mirror:x,dilate,invert,erode:0.25")
        #expect(both["edits"]?.array?.map { $0["exact"]?.bool } == [true, false, true, false])
        let answer = try service.post("/v1/edit?edits=dilate&\(Self.nfn)", body).json()
        #expect(answer["model"]?.string == "editor")
        let model = try service.get("/v1/models").json()["models"]?.array?.last
        #expect(model?["edits"]?.strings == ["dilate", "erode", "wide"] && model?["task"]?.string == "edit")
    }

    @Test("an edit that gives two networks is answered as one of twice the width, their mean")
    func wide() throws {
        let service = try service(withEditor: true)
        func edited(_ step: String) throws -> NetworkWeights {
            try weights(first(service.post("/v1/edit?edits=\(step)&\(Self.nfn)", try Self.body.get())))
        }
        let (none, half, whole) = (try edited("wide:0"), try edited("wide:0.5"), try edited("wide"))
        #expect(whole.spec == NetworkSpec(sizes: [2, 64, 64, 1]))
        #expect(difference(try pixels(none), try pixels(try Samples.network())) < 1e-4)
        #expect(difference(try pixels(whole), try pixels(none)) > 1e-3)
        #expect(difference(half.flattened, zip(whole.flattened, none.flattened).map { ($0 + $1) / 2 }) < 1e-5)
        let again = try first(service.post("/v1/edit?edits=wide,invert&\(Self.nfn)", try Self.body.get()))
        #expect(difference(try pixels(weights(again)), try pixels(whole).map { -$0 }) < 1e-5)
    }

    @Test("a model's answer that is none for the network is an internal fault, and not taken")
    func foreignAnswer() throws {
        let model = try Self.editor.get()
        let upload = try Upload(file: try Self.body.get(), limits: FormatLimits())
        let found = try UploadedNetworks(upload, NetworkSearchOptions(readsAnyFunction: true), limit: 1).networks[0]
            .get()
        var edited = EditedNetwork(found, NotationClaims(.nfn))
        let prepared = try edited.prepared(for: model, named: "dilate")
        for answers in [[], [NetworkWeights.example(spec: NetworkSpec(sizes: [2, 3, 1]), seed: 1)]] {
            #expect(throws: ServiceFault.internalFault) {
                try edited.accept(
                    answers, to: prepared, by: model, amount: 1, named: "dilate", parameterLimit: .max)
            }
            #expect(edited.steps.isEmpty)
        }
    }

    @Test("a model works in its own notation, and the answer is in the upload's")
    func learnedNotation() throws {
        let service = try service(withEditor: true)
        let other = Notation(omega0: 20, order: .columnsFirst, values: .unit)
        let converted = try Samples.network().converted(from: .nfn, to: other)
        let options = "omega0=20&order=columns&values=0..1&coordinates=-1..1&activation=sine"
        let own = try weights(first(service.post("/v1/edit?edits=dilate&\(options)", Samples.safetensors(converted))))
        let wanted = try weights(first(service.post("/v1/edit?edits=dilate&\(Self.nfn)", try Self.body.get())))
        #expect(difference(try pixels(own, other), try pixels(wanted)) < 2e-4)
    }

    @Test("an edit that no model offers, and a network that its model does not read, are refused with what is read")
    func learnedRefusals() throws {
        let service = try service(withEditor: true)
        let unknown = try service.post("/v1/edit?edits=sharpen", try Self.body.get()).problem()
        #expect(unknown.status == 404 && unknown.detail.contains("model 'editor' offers dilate, erode, wide"))
        let named = try service.post("/v1/edit?edits=dilate&model=fashion-mnist", try Self.body.get()).problem()
        #expect(named.status == 404 && named.detail.contains("of model 'fashion-mnist'"))
        let deep = Samples.safetensors(.example(spec: NetworkSpec(sizes: [2, 8, 8, 8, 1]), seed: 1))
        let refused = try service.post("/v1/edit?edits=dilate&\(Self.nfn)", deep).problem()
        #expect(refused.status == 422 && refused.code == "shape_mismatch")
        let relu = try service.post("/v1/edit?edits=dilate&convention=relu", try Self.body.get()).problem()
        #expect(relu.detail.contains("sine"))
    }

    @Test("requests are counted by path, and for the model where one has edited")
    func metrics() throws {
        let service = try service(withEditor: true)
        for edits in ["invert", "dilate"] {
            #expect(try service.post("/v1/edit?edits=\(edits)&\(Self.nfn)", try Self.body.get()).status == 200)
        }
        let text = service.metrics.render()
        #expect(text.contains("weightspace_http_requests_total{method=\"POST\",route=\"/v1/edit\",code=\"200\"} 2"))
        let counted = text.split(separator: "\n").filter { $0.contains("model=\"editor\"") && $0.contains("success") }
        #expect(counted.contains { $0.hasSuffix(" 1") })
    }
}

extension StateDict {
    /// With texts of a safetensors header.
    fileprivate func with(_ metadata: [String: String]) -> StateDict {
        var state = self
        state.metadata = metadata
        return state
    }
}
