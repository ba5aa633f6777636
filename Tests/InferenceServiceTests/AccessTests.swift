import Clocks
import Foundation
import HTTPCore
import Host
import ModelStore
import TestSupport
import Testing
import WeightFormats

@testable import InferenceService

@Suite("Service: access")
struct AccessTests {
    private static let keys = """
        # name digest role
        alice sha256:\(ContentDigest.hexadecimal(Array("alice's".utf8)))

        root\tsha256:\(ContentDigest.hexadecimal(Array("root's".utf8)).uppercased()) admin
        """

    private func service(_ change: (inout AccessConfiguration) -> Void = { _ in }, keys: String? = keys) throws
        -> ServiceDriver
    {
        var configuration = AccessConfiguration()
        change(&configuration)
        return try ServiceDriver(access: AccessControl(configuration, keys: try keys.map { try APIKeys($0) }))
    }

    @Test("a key gives access to everything but administration; without a key there are only health and metrics")
    func keys() throws {
        let service = try service()
        let body = try Samples.bytes("net0.npz")
        for fields in [
            ["Authorization": "Bearer alice's"], ["authorization": "bearer root's"], ["X-Api-Key": "alice's"],
            ["Authorization": "Basic cHJveHk6cGFzcw==", "X-Api-Key": "alice's"],
            ["Authorization": "Bearer a.proxy.token", "X-Api-Key": "alice's"],
            ["Authorization": "Bearer alice's", "X-Api-Key": "nobody's"],
        ] {
            #expect(try service.post("/v1/classify", body, fields).status == 200)
        }
        for fields in [
            [:], ["X-Api-Key": "Alice's"], ["Authorization": "Basic alice's"], ["Authorization": "Bearer"],
            ["Authorization": "Basic alice's", "X-Api-Key": "nobody's"],
        ] {
            let answer = try service.post("/v1/classify", body, fields)
            #expect(try answer.problem().code == "unauthorized")
            #expect(answer.field("WWW-Authenticate") == "Bearer realm=\"weightspace\"")
        }
        #expect(try service.get("/v1/models").status == 401 && service.get("/v2").status == 401)
        #expect(try service.get("/livez").status == 200 && service.get("/metrics").status == 200)
        #expect(try service.send("OPTIONS", "/v1/classify").status == 204)
    }

    @Test("health and metrics ask for a key when told to")
    func protected() throws {
        let service = try service {
            $0.protectsHealth = true
            $0.protectsMetrics = true
        }
        for path in ["/livez", "/readyz", "/v2/health/live", "/metrics"] {
            #expect(try service.get(path).status == 401)
            #expect(try service.get(path, ["X-Api-Key": "alice's"]).status == 200)
        }
    }

    @Test("only an administrator reloads")
    func reload() throws {
        let service = try service()
        #expect(try service.send("POST", "/admin/reload").problem().code == "unauthorized")
        #expect(try service.send("POST", "/admin/reload", ["X-Api-Key": "alice's"]).problem().code == "forbidden")
        let answer = try service.send("POST", "/admin/reload", ["X-Api-Key": "root's"]).json(500)
        #expect(answer["failures"]?.strings == ["nothing to reload"])
        let open = try self.service(keys: nil)
        #expect(try open.send("POST", "/admin/reload").problem().code == "forbidden")
        #expect(try open.get("/v1/models").status == 200)
    }

    @Test(
        "a file of keys is refused by its line",
        arguments: [
            ("", 1), ("# nobody\n", 1), ("alice", 1), ("\n\nalice sha256:12", 3),
            ("alice md5:\(String(repeating: "0", count: 64))", 1),
            ("alice sha256:\(String(repeating: "0", count: 64)) root", 1),
            ("alice sha256:\(String(repeating: "g", count: 64))", 1),
            ("a sha256:\(String(repeating: "0", count: 64))\na sha256:\(String(repeating: "1", count: 64))", 2),
        ])
    func keyFiles(_ text: String, _ line: Int) {
        #expect { _ = try APIKeys(text) } throws: { ($0 as? APIKeys.FileError)?.line == line }
    }

    @Test("a file of keys may have the line ends of any system", arguments: ["\n", "\r\n", "\r"])
    func keyFileLineEnds(_ end: String) throws {
        let digest = ContentDigest.hexadecimal(Array("alice's".utf8))
        let keys = try APIKeys("# who may ask\(end)\(end)alice sha256:\(digest)\(end)bob sha256:\(digest) admin\(end)")
        #expect(keys.count == 2)
        #expect(keys.owner(of: "alice's") != nil)
    }

    @Test("new keys replace the old ones")
    func replacing() throws {
        let access = AccessControl(keys: try APIKeys(Self.keys))
        let service = try ServiceDriver(access: access)
        #expect(try service.get("/v1/models", ["X-Api-Key": "alice's"]).status == 200)
        access.replace(keys: try APIKeys("bob sha256:\(ContentDigest.hexadecimal(Array("bob's".utf8)))"))
        #expect(try service.get("/v1/models", ["X-Api-Key": "alice's"]).status == 401)
        #expect(try service.get("/v1/models", ["X-Api-Key": "bob's"]).status == 200)
    }

    @Test("a client gets its burst, then its rate, and the exact time to wait")
    func rate() {
        let limiter = RateLimiter(rate: 2, burst: 3)
        let start = Instant.now
        for _ in 0..<3 { #expect(limiter.wait(for: "a", at: start) == nil) }
        #expect(limiter.wait(for: "a", at: start) == .seconds(0.5))
        #expect(limiter.wait(for: "b", at: start) == nil)
        #expect(limiter.wait(for: "a", at: start + .seconds(0.5)) == nil)
        #expect(limiter.wait(for: "a", at: start + .seconds(0.5)) == .seconds(0.5))
        for _ in 0..<3 { #expect(limiter.wait(for: "a", at: start + .seconds(60)) == nil) }
        #expect(limiter.wait(for: "a", at: start + .seconds(60)) != nil)
    }

    @Test("of many clients those with a full bucket are forgotten, the others keep their wait")
    func fullBuckets() {
        let limiter = RateLimiter(rate: 1, burst: 2, maxClients: 3)
        let start = Instant.now
        for client in ["a", "b"] { #expect(limiter.wait(for: client, at: start) == nil) }
        let later = start + .seconds(1)
        for _ in 0..<2 { #expect(limiter.wait(for: "c", at: later) == nil) }
        #expect(limiter.clientCount == 3)
        #expect(limiter.wait(for: "d", at: later) == nil)
        #expect(limiter.clientCount == 2, "a and b were full again")
        #expect(limiter.wait(for: "c", at: later) == .seconds(1), "c was not")
    }

    @Test("a flood of clients is forgotten as a whole, so that the limiter stays small")
    func manyClients() {
        let limiter = RateLimiter(rate: 1, burst: 1, maxClients: 100)
        let start = Instant.now
        for client in 0..<250 {
            #expect(limiter.wait(for: "\(client)", at: start) == nil)
            #expect(limiter.clientCount <= 100)
        }
        #expect(limiter.clientCount == 50)
        #expect(limiter.wait(for: "249", at: start) == .seconds(1))
    }

    @Test("each address has a rate of its own, told by trusted proxies only")
    func clients() throws {
        let service = try service(
            {
                $0.rateLimit = 0.001
                $0.rateBurst = 1
                $0.trustedProxies = ["10.0.0.0/24", "2001:db8:ff::/48"].compactMap { IPNetwork($0) }
                $0.trustsUnixSocket = true
            }, keys: nil)
        let body = try Samples.bytes("net0.npz")
        func status(_ peer: String, _ forwarded: String? = nil) throws -> Int {
            let fields = forwarded.map { ["X-Forwarded-For": $0] } ?? [:]
            return try service.start("POST", "/v1/encode", fields, body, peer: peer).take().status
        }
        #expect(try status("1.1.1.1:1") == 200)
        #expect(try status("1.1.1.1:2") == 429)
        #expect(try status("1.1.1.1:3", "9.9.9.9") == 429, "X-Forwarded-For of an untrusted peer is ignored")
        #expect(try status("10.0.0.1:1", "2.2.2.2") == 200)
        #expect(try status("10.0.0.1:1", "2.2.2.2") == 429)
        #expect(try status("10.0.0.1:1", "3.3.3.3, 2.2.2.2") == 429, "the last hop counts")
        #expect(try status("unix", "4.4.4.4, 10.0.0.1") == 200)
        #expect(try status("10.0.0.1:1", "4.4.4.4") == 429)
        #expect(try status("10.0.0.77:1", "5.5.5.5, 10.0.0.3") == 200, "any address of the network is a proxy's")
        #expect(try status("[2001:db8:ff:9::1]:1", "5.5.5.5") == 429)
        #expect(try status("10.0.1.1:1", "5.5.5.5") == 200, "an address beyond the network is a client's")
        #expect(try status("[::1]:80") == 200)
        #expect(try status("[::1]:81") == 429)
        #expect(try status("[2001:db8:1:2::1]:80") == 200)
        #expect(try status("[2001:db8:1:2:ffff::2]:80") == 429, "the same /64 network")
        #expect(try status("[2001:db8:1:3::1]:80") == 200)
        let refused = try service.start("POST", "/v1/encode", [:], body, peer: "1.1.1.1:1").take()
        #expect(try refused.problem().code == "rate_limited")
        #expect(Int(refused.field("Retry-After") ?? "") ?? 0 > 0)
        #expect(try service.get("/v1/models").status == 200, "pages are not counted")
    }

    @Test(
        "an origin is written as browsers write it",
        arguments: [
            ("https://A.Example", "https://a.example"), ("HTTPS://a.example:443", "https://a.example"),
            ("http://a.example:80", "http://a.example"), ("https://a.example:80", "https://a.example:80"),
            ("http://localhost:3000", "http://localhost:3000"), ("https://a.example:0443", "https://a.example"),
            ("http://[0:0:0:0:0:0:0:1]:8000", "http://[::1]:8000"),
            ("chrome-extension://abc", "chrome-extension://abc"),
        ])
    func written(_ text: String, _ expected: String) {
        #expect(WebOrigin(text)?.description == expected)
    }

    @Test(
        "text that no browser sends as an origin is refused",
        arguments: [
            "", "a.example", "https://", "https://a.example/", "https://a.example/path", "https://u@a.example",
            "https://a.example:x", "https://a.example:65536", "https://bücher.example", "https://[::g]",
            "https://a b", "null", "*",
        ])
    func noOrigin(_ text: String) {
        #expect(WebOrigin(text) == nil)
    }

    @Test("pages of listed origins may read responses, others may not")
    func origins() throws {
        let service = try service({ $0.allowedOrigins = ["https://a.example"] }, keys: nil)
        let answer = try service.get("/v1/models", ["Origin": "https://a.example"])
        #expect(answer.field("Access-Control-Allow-Origin") == "https://a.example")
        #expect(answer.field("Vary") == "Origin")
        let other = try service.get("/v1/models", ["Origin": "https://b.example"])
        #expect(other.field("Access-Control-Allow-Origin") == nil && other.field("Vary") == "Origin")
        let preflight = try service.send(
            "OPTIONS", "/v1/classify",
            ["Origin": "https://a.example", "Access-Control-Request-Method": "POST"])
        #expect(preflight.status == 204 && preflight.field("Access-Control-Allow-Methods") == "OPTIONS, POST")
        #expect(preflight.field("Access-Control-Allow-Headers")?.contains("Authorization") == true)
        #expect(
            try service.post("/v1/classify", [1], ["Origin": "https://a.example"])
                .field("Access-Control-Allow-Origin") == "https://a.example", "errors can be read too")
        let closed = try self.service(keys: nil).get("/v1/models", ["Origin": "https://a.example"])
        #expect(closed.field("Access-Control-Allow-Origin") == nil && closed.field("Vary") == nil)
    }

    @Test("a valid trace is passed on in the response")
    func traces() throws {
        let service = try service(keys: nil)
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        #expect(try service.get("/livez", ["traceparent": trace]).field("traceparent") == trace)
        #expect(try service.post("/v1/classify", [1], ["traceparent": trace]).field("traceparent") == trace)
        #expect(
            try service.get("/nowhere", ["traceparent": "cc-" + trace.dropFirst(3) + "-more"]).field("traceparent")
                != nil)
        let bad = [
            "", "00", trace.uppercased(), trace + "-more", "ff" + trace.dropFirst(2),
            trace.replacing("4bf92f3577b34da6a3ce929d0e0e4736", with: String(repeating: "0", count: 32)),
            trace.replacing("00f067aa0ba902b7", with: String(repeating: "0", count: 16)),
        ]
        for field in bad { #expect(try service.get("/livez", ["traceparent": field]).field("traceparent") == nil) }
    }
}
