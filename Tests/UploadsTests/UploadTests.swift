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
