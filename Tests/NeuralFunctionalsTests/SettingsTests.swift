import Models
import Testing

@Suite struct SettingsTests {
    private func refusal(_ body: () throws -> Void) -> String {
        do {
            try body()
            return ""
        } catch {
            return String(describing: error)
        }
    }

    @Test("members that nothing reads are refused, in sections too, with the nearest name that is read")
    func unknownMembers() throws {
        let document = try settings(#"{"rate": 1, "btach": 2, "inner": {"depth": 3, "zzz": 4}}"#)
        #expect(try document.number("rate", in: 0...2) == 1)
        #expect(try document.int("batch", in: 1...8, default: 5) == 5)
        #expect(try document.section("inner").int("depth", in: 0...8) == 3)
        let text = refusal { try document.finish() }
        #expect(text.contains("unknown member 'btach'; did you mean 'batch'?"))
        #expect(text.contains("unknown member 'inner.zzz'; expected one of depth"))
    }

    @Test(
        "a value that does not fit is named with its path, the expected and the received",
        arguments: [
            (#"{"a": {"n": 1.5}}"#, "member 'a.n': expected a whole number from 1 to 8, received 1.5"),
            (#"{"a": {"n": 9}}"#, "member 'a.n': expected a whole number from 1 to 8, received 9"),
            (#"{"a": {"n": "x"}}"#, "member 'a.n': expected a whole number from 1 to 8, received 'x'"),
            (#"{"a": {}}"#, "member 'a.n' is missing"), (#"{"a": {"n": null}}"#, "member 'a.n' is missing"),
            (#"{"a": 3}"#, "member 'a': expected a JSON object, received a number"), (#"{}"#, "member 'a' is missing"),
        ])
    func unusableValues(json: String, message: String) throws {
        let document = try settings(json)
        #expect(refusal { _ = try document.section("a").int("n", in: 1...8) } == message)
    }

    @Test("the nearest name is the one with the fewest edits, if it is near at all")
    func nearestNames() {
        let known = ["num_heads", "num_blocks", "spatial"]
        #expect(nearestName(to: "num_head", among: known) == "num_heads")
        #expect(nearestName(to: "spacial", among: known) == "spatial")
        #expect(nearestName(to: "dropout", among: known) == nil)
        #expect(nearestName(to: "x", among: []) == nil)
    }
}
