import HTTPTypes
import Testing

@testable import HTTPCore

@Suite("RequestID")
struct RequestIDTests {
    private func resolve(_ given: String) -> String {
        var fields = HTTPFields()
        fields.set("x-request-id", to: given)
        return RequestID.resolve(fields, unixMilliseconds: 1)
    }

    @Test(
        "takes the client's own ID if it is acceptable",
        arguments: ["a", "A-b_c.9", String(repeating: "x", count: 128)])
    func accepted(_ name: String) {
        #expect(resolve(name) == name)
    }

    @Test(
        "replaces any other",
        arguments: ["", "a b", "a/b", "\u{E9}", "a,b", "{}", String(repeating: "x", count: 129)])
    func replaced(_ name: String) {
        #expect(resolve(name) != name)
        #expect(RequestID.isAcceptable(resolve(name)))
    }

    @Test("makes IDs of 26 letters that sort by time and differ")
    func made() {
        let earlier = RequestID.make(unixMilliseconds: 1_700_000_000_000)
        let later = RequestID.make(unixMilliseconds: 1_700_000_000_001)
        #expect(earlier.count == 26 && later.count == 26)
        #expect(earlier < later)
        #expect(RequestID.make(unixMilliseconds: 5) != RequestID.make(unixMilliseconds: 5))
    }

    @Test("writes the milliseconds in ten digits of base 32, then the process and the counter in eight each")
    func layout() {
        #expect(RequestID.make(unixMilliseconds: 33, process: 0, count: 0) == "00000000110000000000000000")
        #expect(RequestID.make(unixMilliseconds: -1, process: 1, count: 31) == "0000000000000000010000000Z")
        let most = RequestID.make(unixMilliseconds: .max, process: .max, count: .max)
        #expect(most == "7ZZZZZZZZZ" + String(repeating: "Z", count: 16))
    }
}
