import Testing

@testable import HTTPCore

@Suite("Conformance with RFC 9110 and RFC 9112, strictly")
struct ConformanceTests {
    @Test("The table can be read and is whole")
    func completeness() throws {
        let cases = try ConformanceCase.read()
        #expect(cases.count >= 250)
        #expect(Set(cases.map(\.name)).count == cases.count)
    }

    @Test("gets the expected answers however its bytes arrive", arguments: ConformanceCase.all, Delivery.allCases)
    func table(_ testCase: ConformanceCase, _ delivery: Delivery) throws {
        let driver = try ConnectionDriver()
        for piece in delivery.pieces(of: testCase.bytes) { driver.receive(piece) }
        let isBehind = delivery == .afterGoodRequest
        let expected = (isBehind ? [200] : []) + testCase.statuses
        let heads = Set(testCase.heads.map { isBehind ? $0 + 1 : $0 })

        let responses = try driver.responses(heads: heads)
        #expect(responses.map(\.status) == expected)
        #expect(driver.endsForClient == testCase.closes)
        if let body = testCase.body { #expect(responses.last?.text == body) }
        if let code = testCase.code { #expect(responses.last?.text.contains("\"code\":\"\(code)\"") == true) }
        for response in responses where response.status >= 200 { check(response) }
        #expect(responses.last?.values("Connection") == (testCase.closes ? ["close"] : keepAliveValues(testCase)))

        // If the framing were misread, this request would get no answer, or there would be an extra one.
        driver.receive(Delivery.goodRequest)
        let after = try driver.responses(heads: heads).map(\.status)
        #expect(after == expected + (testCase.closes ? [] : [200]))
    }

    /// What every final response must satisfy.
    private func check(_ response: ReceivedResponse) {
        #expect(response.version == "HTTP/1.1")
        #expect(response.values("Date") == ["Tue, 14 Nov 2023 22:13:20 GMT"])
        #expect(response.values("X-Request-Id").count == 1)
        #expect(response.values("Content-Length").count == (response.status == 204 ? 0 : 1))
        #expect(response.values("Transfer-Encoding").isEmpty)
        #expect(response.values("Content-Type").count <= 1)
        #expect((response.status == 405) == (response.value("Allow") != nil) || response.status == 204)
        if response.status >= 400, !response.body.isEmpty {
            #expect(response.value("Content-Type") == "application/problem+json")
        }
    }

    private func keepAliveValues(_ testCase: ConformanceCase) -> [String] {
        testCase.name == "connection: HTTP/1.0 kept alive" ? ["keep-alive"] : []
    }

    @Test("parses to the same events however the bytes are split", arguments: ConformanceCase.all)
    func splitting(_ testCase: ConformanceCase) {
        let whole = outcome([testCase.bytes[...]])
        #expect(outcome(Delivery.byteByByte.pieces(of: testCase.bytes)) == whole)
        #expect(outcome(Delivery.splitAtLineEnds.pieces(of: testCase.bytes)) == whole)
        for size in [2, 3, 7, 61] {
            let pieces = stride(from: 0, to: testCase.bytes.count, by: size).map {
                testCase.bytes[$0..<min($0 + size, testCase.bytes.count)]
            }
            #expect(outcome(pieces) == whole)
        }
    }

    private struct Outcome: Equatable {
        var heads: [RequestHead] = []
        var bodies: [[UInt8]] = []
        var complete = 0
        var error: HTTPParseError?
    }

    private func outcome(_ pieces: [ArraySlice<UInt8>]) -> Outcome {
        var outcome = Outcome()
        var parser = RequestParser(limits: HTTPLimits())
        do throws(HTTPParseError) {
            for piece in pieces {
                parser.append(piece)
                while let event = try parser.next() {
                    switch event {
                    case .head(let head):
                        outcome.heads.append(head)
                        outcome.bodies.append([])
                    case .body(let bytes): outcome.bodies[outcome.bodies.count - 1] += bytes
                    case .end: outcome.complete += 1
                    }
                }
            }
        } catch {
            outcome.error = error
        }
        return outcome
    }
}
