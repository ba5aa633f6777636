import ModelStore
import Networks
import SIREN
import Tensors
import Testing
import WeightFormats

@testable import InferenceService

@Suite("Service: pictures")
struct PictureTests {
    private static let magic: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

    /// Width and height that a PNG file declares, if it is one.
    private func size(_ answer: Answer) -> [Int]? {
        let bytes = answer.body
        guard answer.field("Content-Type") == "image/png", bytes.count > 24, bytes.starts(with: Self.magic) else {
            return nil
        }
        return [16, 20].map { start in bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) } }
    }

    /// Height, width and channels of the pictures that the first model's networks draw.
    private func image(_ service: ServiceDriver) throws -> [Int] {
        let name = try #require(service.registry.models.first?.name)
        return try #require(try service.get("/v1/models/\(name)").json()["input"]?["image"]?.ints)
    }

    @Test("an INR's picture is drawn at the model's size or at the requested size")
    func render() throws {
        let service = try ServiceDriver()
        let body = try Samples.bytes("net0.pth")
        let image = try image(service)
        let item = try #require(try service.post("/v1/render", body).items("pictures").first)
        #expect(item["shape"]?.ints == image)
        let expected = try DrawnFunction(try Samples.network(), .nfn).picture(height: image[0], width: image[1])
        #expect(item["data"]?.numbers == expected.values)
        let other = try #require(
            try service.post("/v1/render?height=5&width=7", body).items("pictures").first)
        #expect(other["shape"]?.ints == [5, 7, 1])
        #expect(
            other["data"]?.numbers
                == (try DrawnFunction(try Samples.network(), .nfn).picture(height: 5, width: 7).values))
    }

    @Test("PNG comes for ?output=png and for Accept: image/png")
    func png() throws {
        let service = try ServiceDriver()
        let body = try Samples.bytes("net0.pth")
        #expect(size(try service.post("/v1/render?output=png&height=9&width=11", body)) == [11, 9])
        let accepted = try service.post("/v1/render?height=3", body, ["Accept": "text/html, image/PNG;q=0.9"])
        #expect(size(accepted) == [28, 3])
        #expect(size(try service.post("/v1/render", body, ["Accept": "image/*"])) == [28, 28])
        for field in ["image/webp, */*", "image/png;q=0", "image/png;q=0.1, application/json"] {
            let other = try service.post("/v1/render", body, ["Accept": field])
            #expect(other.field("Content-Type") == "application/json", "\(field)")
        }
    }

    @Test("the option output has precedence over Accept")
    func acceptedOutput() throws {
        let service = try ServiceDriver()
        let body = try Samples.bytes("net0.pth")
        for (query, type) in [("", "image/png"), ("?output=json", "application/json"), ("?output=png", "image/png")] {
            let answer = try service.post("/v1/render\(query)", body, ["Accept": "image/png"])
            #expect(answer.status == 200 && answer.field("Content-Type") == type, "\(query)")
        }
    }

    @Test("sizes beyond the limit, and more drawing than one request may ask for, are refused")
    func limits() throws {
        let service = try ServiceDriver { $0.maxPictureSide = 100 }
        let body = try Samples.bytes("net0.pth")
        #expect(size(try service.post("/v1/render?output=png&height=100&width=1", body)) == [1, 100])
        let side = try service.post("/v1/render?height=101", body).problem()
        #expect(side.status == 400 && side.detail.contains("between 1 and 100"))

        let small = try ServiceDriver { $0.maxPictureValues = 100 }
        #expect(try small.post("/v1/render?height=10&width=10", body).status == 200)
        #expect(try small.post("/v1/render?height=10&width=11", body).problem().code == "batch_too_large")
        let stack = SafetensorsWriter.write(try Samples.stack())
        #expect(try small.post("/v1/render?height=5&width=5", stack).status == 200)
        #expect(try small.post("/v1/render?height=5&width=6", stack).problem().status == 422)

        // Reconstructions count as pictures too, by either protocol; encodings do not.
        let model = try Models.embedded.get().name
        #expect(try small.post("/v1/reconstruct", body).problem().code == "batch_too_large")
        let request = try small.get("/v1/models/\(model)/example").text
        #expect(try small.post("/v1/encode", json: request).status == 200)
        let inputs = try Samples.stack().entries.map { entry in
            var writer = JSONWriter()
            writer.value(entry.tensor)
            return
                #"{"name":"\#(entry.name)","shape":\#(entry.tensor.shape),"datatype":"FP32","data":\#(String(decoding: writer.bytes, as: UTF8.self))}"#
        }
        let document = #"{"inputs":[\#(inputs.joined(separator: ","))],"outputs":[{"name":"reconstruction"}]}"#
        #expect(
            try small.post("/v2/models/\(model)/infer", json: document).json(422)["code"]?.string == "batch_too_large")

        let slow = try ServiceDriver { $0.maxPictureOperations = 190_000 }
        #expect(try slow.post("/v1/render?height=9&width=9", body).status == 200)
        #expect(try slow.post("/v1/render?height=10&width=9", body).problem().code == "batch_too_large")
    }

    @Test("a picture that is not finite fails only its own network")
    func nonFinitePicture() throws {
        let service = try ServiceDriver()
        let stack = try Samples.stack { networks in
            for name in networks[1].names {
                guard let tensor = networks[1][name] else { continue }
                let huge = tensor.values.map { $0 * 1e38 }
                networks[1].set(NamedTensor(name: name, tensor: Tensor(shape: tensor.shape, values: huge)))
            }
        }
        let body = SafetensorsWriter.write(stack)
        let items = try service.post("/v1/render?convention=nfn", body).items("pictures")
        #expect(items.map { $0["error"]?["code"]?.string } == [nil, "non_finite_output", nil, nil])
        let strict = try service.post("/v1/render?convention=nfn&strict=1", body)
        #expect(try strict.status == 500 && strict.problem().code == "non_finite_output")
    }

    @Test("a network that draws nothing is refused")
    func noPicture() throws {
        let reference = try Models.accuracyPredictor()
        let service = try ServiceDriver(models: [reference.model])
        let problem = try service.post(
            "/v1/render", SafetensorsWriter.write(reference.input.mapping { $0.slice(0) })
        ).problem()
        #expect(problem.status == 422)
    }

    @Test("a model with a decoder reconstructs pictures, with their error from the INR's own")
    func reconstruct() throws {
        let model = try Models.embedded(named: "redrawn", isDecoderTrained: true)
        let service = try ServiceDriver(models: [model])
        let body = try Samples.bytes("net0.pth")
        let image = try image(service)
        #expect(try service.get("/v1/models/redrawn").json()["operations"]?.strings?.contains("reconstruct") == true)
        let answer = try service.post("/v1/reconstruct", body)
        let item = try #require(try answer.items("reconstructions").first)
        #expect(item.members?.map(\.name) == ["index", "mse", "shape", "dtype", "data", "convention", "notation"])
        #expect(item["shape"]?.ints == image)
        let drawn = try #require(item["data"]?.numbers)
        let own = try #require(try service.post("/v1/render", body).items("pictures").first?["data"]?.numbers)
        let squares = zip(drawn, own).map { Double($0 - $1) * Double($0 - $1) }
        let mse = try #require(item["mse"]?.double)
        #expect(mse > 0 && abs(mse - squares.reduce(0, +) / Double(own.count)) < 1e-4 * mse)
        #expect(size(try service.post("/v1/reconstruct?output=png", body)) == [image[1], image[0]])
        #expect(
            size(try service.post("/v1/reconstruct", body, ["Accept": "image/png"])) == [image[1], image[0]])
        let raw = try service.post("/v1/reconstruct?output=raw", body)
        #expect(raw.field("X-Tensor-Shape") == "1,\(image[0]),\(image[1]),\(image[2])")
    }

    @Test("an accuracy predictor answers as PyTorch did")
    func predict() throws {
        let reference = try Models.accuracyPredictor()
        let service = try ServiceDriver(models: [reference.model])
        let items = try service.post("/v1/predict", SafetensorsWriter.write(reference.input)).items()
        let members = ["index", "accuracy", "predictions", "reading"]
        #expect(items.count == 2 && items.allSatisfy { $0.members?.map(\.name) == members })
        for (item, expected) in zip(items, reference.output) {
            #expect(abs(try #require(item["accuracy"]?.double) - Double(expected)) < 1e-4)
        }
    }
}
