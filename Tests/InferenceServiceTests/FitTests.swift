import Clocks
import Dispatch
import Foundation
import HTTPCore
import HTTPTypes
import ModelStore
import Networks
import SIREN
import Tensors
import TestSupport
import Testing
import WeightFormats

@testable import Datasets
@testable import InferenceService

@Suite("Service: networks fitted to pictures")
struct FitTests {
    /// A disc, 12 × 10 pixels.
    private static let pixels: [UInt8] = (0..<120).map { index in
        let (row, column) = (Double(index / 10) - 5.5, Double(index % 10) - 4.5)
        return (row * row + column * column).squareRoot() < 3.5 ? 230 : 20
    }
    private static let png = Result {
        try PNGWriter.write(pixels, width: 10, height: 12, color: .gray)
    }
    private static let pgm = Array("P5 10 12 255\n".utf8) + pixels
    private static let rows: String = (0..<12).map { row in
        "[" + pixels[10 * row..<10 * row + 10].map { String($0) }.joined(separator: ",") + "]"
    }.joined(separator: ",")
    private static let small = "?hidden=8&steps=40"

    private func network(_ answer: Answer) throws -> JSONValue { try #require(try answer.items("networks").first) }

    @Test("the same picture gives the same bits in every format, for each seed others")
    func formats() throws {
        let service = try ServiceDriver()
        let item = try network(try service.post("/v1/fit\(Self.small)", try Self.png.get()))
        let weights = try #require(item["weights"])
        #expect(item["picture"]?.numbers == [12, 10, 1] && item["sizes"]?.numbers == [2, 8, 8, 1])
        #expect(item["steps"]?.int == 40 && item["seed"]?.int == 0 && item["notation"]?.string == "nfn")
        #expect(item["psnr"]?.double.map { $0 > 5 } == true && item["milliseconds"]?.double.map { $0 > 0 } == true)
        #expect(
            weights.members?.map(\.name)
                == [
                    "net.0.linear.weight", "net.0.linear.bias", "net.1.linear.weight", "net.1.linear.bias",
                    "net.2.weight", "net.2.bias",
                ])
        let floats = NPYWriter.write(Tensor(shape: [12, 10], values: Self.pixels.map { 2 * Float($0) / 255 - 1 }))
        for body in [Self.pgm, floats, Array("[\(Self.rows)]".utf8), try CompressedStream.gzip.encode(Self.pgm)] {
            #expect(try network(try service.post("/v1/fit\(Self.small)", body))["weights"] == weights)
        }
        let document = "{\"picture\": [\(Self.rows)], \"hidden\": 8, \"steps\": 40, \"note\": {}}"
        #expect(try network(try service.post("/v1/fit", json: document))["weights"] == weights)
        let other = try network(try service.post("/v1/fit\(Self.small)&seed=1", try Self.png.get()))
        #expect(other["weights"] != weights && other["seed"]?.int == 1)
    }

    @Test("the bits are those of the fitter, however short the slices are")
    func fitter() throws {
        let service = try ServiceDriver { $0.fitSlice = .zero }
        let item = try network(try service.post("/v1/fit\(Self.small)&layers=1&notation=dws&seed=7", Self.pgm))
        var recipe = FitRecipe()
        (recipe.hiddenWidth, recipe.hiddenLayers, recipe.steps, recipe.seed) = (8, 1, 40, 7)
        recipe.convention = .dws
        let own = Fitter(recipe, try PictureSet(bytes: Self.pgm), threads: 1)([0], restart: 0)[0]
        #expect(item["weights"]?.members?.flatMap(\.value.everyNumber) == own.weights)
        #expect(item["psnr"]?.double.map { Float($0) } == own.psnr)
    }

    @Test("a fit stops at the wanted PSNR")
    func target() throws {
        let item = try network(
            try ServiceDriver().post("/v1/fit?hidden=16&steps=500&target_psnr=20", try Self.png.get()))
        #expect(item["steps"]?.int.map { $0 < 500 } == true)
        #expect(item["psnr"]?.double.map { $0 >= 20 } == true)
    }

    @Test("classify=1 adds what /v1/classify answers to the weights")
    func classify() throws {
        let service = try ServiceDriver()
        let answer = try service.post("/v1/fit?steps=60&classify=1&top_k=3", try Self.png.get())
        let item = try network(answer)
        let model = try Models.embedded.get()
        #expect(try answer.json()["model"]?["name"]?.string == model.name)
        let file = try service.post("/v1/fit?steps=60&output=safetensors", try Self.png.get())
        let direct = try #require(
            try service.post("/v1/classify?convention=nfn&top_k=3", file.body).items().first)
        #expect(item["prediction"]?["top_k"] == direct["top_k"] && direct["top_k"] != nil)
        let color = Array("P6 1 2 255\n".utf8) + [1, 2, 3, 4, 5, 6]
        let unread = try network(try service.post("/v1/fit?steps=2&classify=1", color))
        #expect(unread["weights"] != nil)
        #expect(
            unread["prediction"]?["error"]?["code"]?.string == "shape_mismatch" || unread["prediction"]?["label"] != nil
        )
        #expect(try service.post("/v1/fit?classify=1&output=npz", Self.pgm).problem().code == "bad_request")
    }

    @Test("files of one and of several networks hold the weights of the JSON answer")
    func files() throws {
        let service = try ServiceDriver()
        let weights = try network(try service.post("/v1/fit\(Self.small)", Self.pgm))["weights"]
        var form = Form()
        form.add("file", file: "a.pgm", Self.pgm)
        form.add("file", file: "b.png", try Self.png.get())
        form.add("hidden", "8")
        form.add("steps", "40")
        for output in ["safetensors", "npz"] {
            let one = try service.post("/v1/fit\(Self.small)&output=\(output)", Self.pgm)
            #expect(one.field("X-Fit-Steps") == "40")
            let state = try WeightFile.read(one.body).stateDict()
            #expect(state.entries.flatMap(\.tensor.values) == weights?.members?.flatMap(\.value.everyNumber))
            let both = try service.post("/v1/fit?output=\(output)", form.closed, Form.fields)
            #expect(both.field("X-Fit-Psnr")?.split(separator: ",").count == 2)
            let stack = try WeightFile.read(both.body).stateDict()
            for entry in state.entries {
                #expect(stack[entry.name]?.shape == [2] + entry.tensor.shape)
                #expect(stack[entry.name]?.values == entry.tensor.values + entry.tensor.values)
            }
        }
    }

    @Test("a form answers each file, and one that cannot be read in its place")
    func forms() throws {
        let service = try ServiceDriver()
        var form = Form()
        form.add("file", file: "a.pgm", Self.pgm)
        form.add("file", file: "b.png", [0x89, 0x50, 0x4e, 0x47, 1, 2])
        form.add("steps", "3")
        let answer = try service.post("/v1/fit", form.closed, Form.fields)
        let items = try answer.items("networks")
        #expect(items.map { $0["error"]?["code"]?.string } == [nil, "bad_request"])
        #expect(try answer.json()["errors"]?.int == 1)
        #expect(try service.post("/v1/fit?strict=1", form.closed, Form.fields).problem().status == 400)
    }

    @Test("a coloured picture of grey pixels is fitted as a grey one")
    func grayColors() throws {
        let gray = try PNGWriter.write(Self.pixels.flatMap { [$0, $0, $0] }, width: 10, height: 12, color: .rgb)
        let service = try ServiceDriver()
        let item = try network(try service.post("/v1/fit\(Self.small)", gray))
        let plain = try network(try service.post("/v1/fit\(Self.small)", Self.pgm))
        #expect(item["weights"] == plain["weights"])
    }

    @Test(
        "what is not a picture, too large or no option is refused with what is allowed",
        arguments: [
            ("", "hello", 415, "unknown_format", "expected a PNG"), ("", "", 415, "unknown_format", "is empty"),
            ("", "[[1, 2], [3]]", 422, "shape_mismatch", "ragged"), ("", "[[300]]", 400, "bad_request", "0 to 255"),
            ("", "[[-1.5]]", 400, "bad_request", "-1 to 1"), ("", "{\"steps\": 1}", 400, "bad_request", "'picture'"),
            ("", "P5 129 1 255\n" + String(repeating: "a", count: 129), 422, "shape_mismatch", "at most 128 rows"),
            ("?hidden=0", "[[1]]", 400, "bad_request", "1 to 256"),
            ("?layers=8", "[[1]]", 400, "bad_request", "1 to 7"),
            ("?seed=-1", "[[1]]", 400, "bad_request", "seed"), ("?target_psnr=x", "[[1]]", 400, "bad_request", "dB"),
            ("?notation=coin", "[[1]]", 400, "bad_request", "nfn, dws"),
            ("?output=png", "[[1]]", 400, "bad_request", "json"),
            ("?top=1", "[[1]]", 400, "bad_request", "unknown option"),
            ("?steps=1&steps=2", "[[1]]", 400, "bad_request", "twice"),
        ])
    func refusals(query: String, body: String, status: Int, code: String, detail: String) throws {
        let problem = try ServiceDriver().post("/v1/fit\(query)", Array(body.utf8)).problem()
        #expect(problem.status == status && problem.code == code, "\(problem)")
        #expect(problem.detail.contains(detail), "\(problem.detail)")
    }

    @Test("a PNG picture that is too large is refused as an array of its size is, by its place among several")
    func largePNG() throws {
        let large = try PNGWriter.write([UInt8](repeating: 9, count: 129), width: 1, height: 129, color: .gray)
        let alone = try ServiceDriver().post("/v1/fit", large).problem()
        #expect(alone.status == 422 && alone.code == "shape_mismatch")
        #expect(alone.detail.contains("at most 128 rows and columns, received 129 × 1"), "\(alone.detail)")
        var form = Form()
        form.add("file", file: "a.png", try Self.png.get())
        form.add("file", file: "b.png", large)
        let strict = try ServiceDriver().post("/v1/fit?steps=1&strict=1", form.closed, Form.fields).problem()
        #expect(strict.status == 422 && strict.detail.hasPrefix("picture 1: "), "\(strict.detail)")
    }

    @Test("a page of an allowed origin may read every field of an answer")
    func exposedFields() throws {
        var access = AccessConfiguration()
        access.allowedOrigins = ["https://a.example"]
        let service = try ServiceDriver(access: AccessControl(access))
        let answer = try service.post(
            "/v1/fit\(Self.small)&output=safetensors", try Self.png.get(), ["Origin": "https://a.example"])
        let exposed = try #require(answer.field("Access-Control-Expose-Headers")).lowercased()
        let own = answer.response.fields.map(\.name.canonicalName).filter {
            $0.hasPrefix("x-") && $0 != "x-content-type-options"
        }
        #expect(own.count == 3)
        for name in own { #expect(exposed.split(separator: ", ").contains(Substring(name)), "\(name)") }
    }

    @Test("pixels × parameters × steps are limited, and so are pixels × neurons and the number of values")
    func limits() throws {
        func refusal(_ query: String, _ change: (inout ServiceConfiguration) -> Void) throws -> Problem {
            try ServiceDriver(change).post("/v1/fit\(query)", Self.pgm).problem()
        }
        // 2-8-8-1 has 105 parameters and 19 neurons, the picture 120 pixels; a step counts as 2¹⁴ products at least.
        let step = try refusal(Self.small) { $0.maxFitStepOperations = 120 * 105 - 1 }
        #expect(step.code == "batch_too_large" && step.detail.contains("120 pixels × 105 parameters make 12600"))
        let neurons = try refusal(Self.small) { $0.maxFitActivations = 120 * 19 - 1 }
        #expect(neurons.status == 422 && neurons.detail.contains("120 pixels × 19 neurons"))
        let all = try refusal(Self.small) { $0.maxFitOperations = (1 << 14) * 40 - 1 }
        #expect(all.code == "batch_too_large" && all.detail.contains("× 40 steps"))
        #expect(try refusal(Self.small) { $0.maxFitValues = 119 }.code == "batch_too_large")
        let rows = try ServiceDriver { $0.maxFitValues = 119 }.post("/v1/fit", Array("[\(Self.rows)]".utf8))
        #expect(try rows.problem().code == "inflated_too_large")
        let enough = try ServiceDriver {
            ($0.maxFitStepOperations, $0.maxFitActivations) = (120 * 105, 120 * 19)
            ($0.maxFitOperations, $0.maxFitValues) = ((1 << 14) * 40, 120)
        }
        #expect(try enough.post("/v1/fit\(Self.small)", Self.pgm).status == 200)
    }

    @Test("a client that hangs up, or whose time is over, ends its fit between two slices")
    func cancellation() throws {
        let service = try ServiceDriver {
            ($0.threads, $0.fitSlice) = (1, .milliseconds(1))
            $0.maxFitOperations = .max
        }
        let late = try service.post("/v1/fit?steps=100000&timeout_ms=20", Self.pgm).problem()
        #expect(late.status == 504 && late.code == "deadline_exceeded")
        let cancellation = Cancellation()
        let answers = try service.start("POST", "/v1/fit?steps=100000", [:], Self.pgm, cancellation: cancellation)
        // Another request is answered between the slices of the fit.
        #expect(try service.post("/v1/classify", try Samples.bytes("net0.pth")).status == 200)
        #expect(answers.isEmpty)
        cancellation.cancel()
        #expect(try answers.take().status == 499)
        #expect(try service.post("/v1/fit?steps=1", Self.pgm).status == 200, "the loop is free again")
    }

    @Test("fits that wait are limited to a quarter of the queue")
    func queueFull() throws {
        let service = try ServiceDriver {
            ($0.threads, $0.maxQueue, $0.maxFitOperations) = (1, 8, .max)
        }
        let cancellation = Cancellation()
        var waiting: [Mailbox<Answer>] = []
        var refused: Answer?
        for _ in 0..<8 where refused == nil {
            let answers = try service.start("POST", "/v1/fit?steps=100000", [:], Self.pgm, cancellation: cancellation)
            // The worker queue reads one body after the other: a page of another request tells that it is read.
            #expect(try service.post("/v1/fit?hidden=0", Self.pgm).status == 400)
            if answers.isEmpty { waiting.append(answers) } else { refused = try answers.take() }
        }
        let problem = try #require(refused).problem()
        #expect(problem.status == 429 && problem.code == "queue_full")
        #expect((2...3).contains(waiting.count), "one is computed and two wait, or two wait between slices")
        cancellation.cancel()
        for answers in waiting { #expect(try answers.take().status == 499) }
    }

    @Test("a fit needs a model only for classify=1, and is counted by its route")
    func withoutModels() throws {
        let service = try ServiceDriver(models: [])
        #expect(try service.post("/v1/fit?steps=1", Self.pgm).status == 200)
        #expect(try service.post("/v1/fit?steps=1&classify=1", Self.pgm).status >= 400)
        let metrics = Exposition(service.metrics.render())
        #expect(
            metrics.value(
                "weightspace_http_requests_total", ["method": "POST", "route": "/v1/fit", "code": "200"]) == 1)
    }
}

extension JSONValue {
    /// All numbers at any depth, of objects too.
    fileprivate var everyNumber: [Float] {
        if let members { return members.flatMap(\.value.everyNumber) }
        return numbers
    }
}
