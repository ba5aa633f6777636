import NetworkReading
import Networks
import Tensors
import Testing
import Uploads
import WeightFormats

@Suite("Uploads")
struct UploadTests {
    /// A network of sizes 1 → 2 → 1 whose weights are all `value`.
    private func network(_ value: Float) -> StateDict {
        StateDict(
            [("0.weight", [2, 1]), ("0.bias", [2]), ("1.weight", [1, 2]), ("1.bias", [1])].map { name, shape in
                let count = shape.reduce(1, *)
                return NamedTensor(
                    name: name, tensor: Tensor(shape: shape, values: [Float](repeating: value, count: count)))
            })
    }

    /// Such networks with a leading axis.
    private func stack(_ values: [Float]) -> StateDict {
        StateDict(
            network(0).entries.map { entry in
                let size = entry.tensor.count
                return NamedTensor(
                    name: entry.name,
                    tensor: Tensor(
                        shape: [values.count] + entry.tensor.shape,
                        values: values.flatMap { [Float](repeating: $0, count: size) }))
            })
    }

    private var limits: FormatLimits {
        var limits = FormatLimits()
        limits.requiresFinite = false
        return limits
    }

    private func networks(_ upload: Upload, limit: Int = 100) throws(UploadError) -> UploadedNetworks {
        try UploadedNetworks(upload, NetworkSearchOptions(), limit: limit)
    }

    @Test("a file is one entry, and a network")
    func file() throws {
        let bytes = SafetensorsWriter.write(network(1))
        let upload = try Upload(file: bytes, limits: limits)
        #expect(upload.format == "safetensors" && upload.byteCount == bytes.count)
        #expect(try !networks(upload).isBatch)
        #expect(
            try networks(upload).networks.map { try $0.get().weights.flattened } == [[Float](repeating: 1, count: 7)])
    }

    @Test("a file that cannot be read is an error with the reader's code")
    func unreadable() {
        let error = #expect(throws: UploadError.self) { try Upload(file: Array("hello".utf8), limits: limits) }
        #expect(error?.code == .unknownFormat && error?.description.hasPrefix("unknown_format: ") == true)
    }

    @Test("of several files each is read by itself, and options come from the first that has them")
    func files() throws {
        let one = Array(#"{"top_k":1,"inputs":[]}"#.utf8)
        let json = Array(#"{"top_k":3,"model":"m","weights":[[[1],[1]],[[1,1]]],"biases":[[0,0],[0]]}"#.utf8)
        let upload = Upload(
            files: [Array("hello".utf8), json, SafetensorsWriter.write(network(2)), one], byteCount: 5, limits: limits)
        #expect(upload.format == "multipart" && upload.byteCount == 5)
        #expect(upload.options["top_k"]?.int == 3 && upload.options["model"]?.string == "m")
        let read = try networks(upload).networks
        #expect(read.map { (try? $0.get()) != nil } == [false, true, true, false])
    }

    @Test("files share the limit of inflated bytes")
    func sharedLimit() {
        var limits = limits
        let file = SafetensorsWriter.write(network(1))
        limits.maxInflatedBytes = file.count + 28
        let upload = Upload(files: [file, file, file], byteCount: 0, limits: limits)
        #expect(upload.files.map { $0.error?.code } == [nil, nil, .inflatedTooLarge])
    }

    @Test("a stack is split; a value that is not finite fails only its own network")
    func stacks() throws {
        let upload = try Upload(file: SafetensorsWriter.write(stack([1, .nan, 3])), limits: limits)
        let read = try networks(upload)
        #expect(read.isBatch)
        #expect(read.networks.map { $0.error?.code } == [nil, .nonFinite, nil])
        #expect(
            read.networks[1].error?.detail
                == "tensor '0.weight': expected finite numbers, received nan at element 0 of network 1")
        #expect(try read.networks[2].get().weights.flattened == [Float](repeating: 3, count: 7))
    }

    @Test("more networks than the limit are refused")
    func limit() throws {
        let file = SafetensorsWriter.write(network(1))
        let upload = Upload(files: [file, file, file], byteCount: 0, limits: limits)
        #expect(try networks(upload, limit: 3).networks.count == 3)
        #expect(throws: UploadError(.batchTooLarge, "more than 2 networks in one request")) {
            try networks(upload, limit: 2)
        }
    }

    /// A network as members of a JSON object.
    private func json(_ value: Float) -> String {
        "{\"weights\":[[[\(value)],[\(value)]],[[\(value),\(value)]]],\"biases\":[[0,0],[0]]}"
    }

    @Test("a document of several networks keeps their names; options are members that hold no weights")
    func document() throws {
        let text = #"{"top_k":2,"model":{"a":\#(json(1)),"b":\#(json(2))},"note":"x","flag":true,"list":[1]}"#
        let upload = try Upload(file: Array(text.utf8), limits: limits)
        #expect(upload.options.keys.sorted() == ["flag", "list", "note", "top_k"])
        let read = try networks(upload)
        #expect(read.isBatch && read.names == ["a", "b"])
        #expect(try read.networks.map { try $0.get().name } == ["a", "b"])
        let failing = #"{"inputs":[\#(json(1)),{"weights":[[[1]]]},"text",\#(json(2))]}"#
        let batch = try networks(try Upload(file: Array(failing.utf8), limits: limits))
        #expect(
            batch.networks.map { $0.error == nil } == [true, false, false, true] && batch.names == [nil, nil, nil, nil])
    }

    @Test("copies of a network are an error with a code of its own, and a member is read alone")
    func copies() throws {
        let text = #"{"model":\#(json(1)),"ema":\#(json(2))}"#
        let upload = try Upload(file: Array(text.utf8), limits: limits)
        #expect(#expect(throws: UploadError.self) { try networks(upload) }?.code == .ambiguousNetwork)
        let read = try UploadedNetworks(upload, NetworkSearchOptions(member: "ema"), limit: 9)
        #expect(try read.networks.map { try $0.get().weights.layers[0].weight.values } == [[2, 2]])
        #expect(read.ignored == ["model"])
    }

    @Test("the texts of a safetensors header are context")
    func metadata() throws {
        var state = network(1)
        state.metadata = ["omega_0": "30", "activation": "sine"]
        let context = try networks(try Upload(file: SafetensorsWriter.write(state), limits: limits)).networks[0].get()
            .context
        #expect(context.scalars == [NetworkContext.Scalar(path: "__metadata__.omega_0", value: 30)])
        #expect(context.texts.map(\.value) == ["sine"])
    }

    @Test("every mismatch of a network keeps its code and detail")
    func mismatches() throws {
        let bad = StateDict(network(1).entries.filter { $0.name != "1.weight" })
        let error = #expect(throws: NetworkError.self) { try NetworkReading(bad) }
        let converted = try UploadError(#require(error))
        #expect(converted.code.rawValue == error?.code && converted.detail == error?.detail)
    }
}

extension Result where Failure == UploadError {
    fileprivate var error: UploadError? {
        guard case .failure(let error) = self else { return nil }
        return error
    }
}
