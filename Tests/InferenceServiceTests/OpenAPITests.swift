import Clocks
import HTTPCore
import Testing
import WeightFormats

@testable import InferenceService

@Suite("Service: OpenAPI")
struct OpenAPITests {
    @Test("every path and method that is served is described, and nothing else")
    func paths() throws {
        let document = try ServiceDriver().get("/openapi.json").json()
        #expect(document["openapi"]?.string == "3.1.0" && document["info"]?["version"]?.string == "1.2.3")
        let described = (document["paths"]?.members ?? []).flatMap { path in
            (path.value.members ?? []).map { "\($0.name.uppercased()) \(path.name)" }
        }
        let served = Endpoint.routes.map { "\($0.method) \($0.template)" }
        #expect(Set(described) == Set(served))
        #expect(Set(described).count == described.count)
    }

    @Test("every reference resolves, and operation names are unique")
    func references() throws {
        let document = try ServiceDriver().get("/openapi.json").json()
        var names: [String] = []
        func visit(_ value: JSONValue) {
            if let reference = value["$ref"]?.string {
                let target = reference.split(separator: "/").dropFirst().reduce(document as JSONValue?) {
                    $0?[String($1)]
                }
                #expect(target != nil, "\(reference)")
            }
            if let name = value["operationId"]?.string { names.append(name) }
            for member in value.members ?? [] { visit(member.value) }
            for element in value.array ?? [] { visit(element) }
        }
        visit(document)
        #expect(Set(names).count == names.count && names.count > 30)
    }

    @Test("the examples of requests are answered")
    func examples() throws {
        let service = try ServiceDriver()
        let document = try service.get("/openapi.json").json()
        func body(_ schema: String) throws -> [UInt8] {
            var writer = JSONWriter()
            writer.value(try #require(document["components"]?["schemas"]?[schema]?["examples"]?.array?.first))
            return writer.bytes
        }
        #expect(try service.post("/v1/classify", try body("NetworksDocument")).status == 200)
        let pictures = try service.post("/v1/decode", try body("LatentsDocument")).items("pictures")
        let described = document["paths", "/v1/decode", "post", "responses", "200", "content", "application/json"]
        let example = try #require(described?["example", "pictures"]?.array?.first)
        #expect(pictures.count == 1 && pictures[0]["shape"] == example["shape"])
        let numbers = zip(pictures[0]["data"]?.numbers ?? [], example["data"]?.numbers ?? [])
        #expect(numbers.allSatisfy { abs($0 - $1) < 1e-5 })
        let model = try #require(document["components", "parameters", "model", "schema", "examples"]?.strings?.first)
        #expect(try service.post("/v2/models/\(model)/infer", try body("InferRequest")).status == 200)
        #expect(try service.post("/v1/models/\(model):predict", try body("InstancesDocument")).status == 200)
    }

    @Test("the example of a picture is answered with the members of the example answer")
    func pictures() throws {
        let service = try ServiceDriver()
        let fit = try #require(try service.get("/openapi.json").json()["paths", "/v1/fit", "post"])
        var writer = JSONWriter()
        writer.value(try #require(fit["requestBody", "content", "application/json", "example"]))
        let answer = try service.post("/v1/fit", writer.bytes).items("networks")[0]
        let example = try #require(fit["responses", "200", "content", "application/json", "example"])
        let described = try #require(example["networks"]?.array?.first)
        #expect(answer.members?.map(\.name) == described.members?.map(\.name))
        for name in ["picture", "sizes", "notation", "seed", "steps"] { #expect(answer[name] == described[name]) }
    }

    @Test("the example of an edit is answered with the example answer")
    func edits() throws {
        let service = try ServiceDriver()
        let edit = try #require(try service.get("/openapi.json").json()["paths", "/v1/edit", "post"])
        var writer = JSONWriter()
        writer.value(try #require(edit["requestBody", "content", "application/json", "example"]))
        let answer = try service.post("/v1/edit", writer.bytes).json()
        let example = try #require(edit["responses", "200", "content", "application/json", "example"])
        #expect(answer.members?.map(\.name) == example.members?.map(\.name))
        let (own, described) = (answer["results"]?.array?.first, example["results"]?.array?.first)
        for name in ["weights", "edits", "convention", "notation"] { #expect(own?[name] == described?[name]) }
    }

    @Test("the description requires keys where the service does")
    func security() throws {
        #expect(try ServiceDriver().get("/openapi.json").json()["security"] == nil)
        let keys = try APIKeys("a sha256:\(String(repeating: "0", count: 64))")
        let access = AccessControl(keys: keys)
        let client = AccessControl.Client.administrator
        let driver = try ServiceDriver(access: access)
        #expect(access.needsKey && access.refusal(client, .openAPI, at: .now) == nil)
        #expect(try driver.get("/openapi.json").status == 401)
        let document = OpenAPIDocument.document(version: "1", models: [], needsKey: true)
        #expect(document?["security"]?.array?.count == 2)
    }
}
