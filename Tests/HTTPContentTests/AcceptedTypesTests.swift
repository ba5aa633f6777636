import HTTPContent
import Testing

@Suite("Accepted types")
struct AcceptedTypesTests {
    @Test(
        "a type is preferred to the standard one where it is named and weighs as much",
        arguments: [
            ("image/png", true), ("image/PNG ; Q=0.9, text/html", true), ("image/*", true), ("image/png;q=0", false),
            ("image/*, image/png;q=0", false), ("*/*", false), ("", false),
            ("image/png;q=0.5, application/json", false),
            ("image/png, application/json;q=0.5", true), ("image/png, application/json", true),
            ("image/png;q=0.5, */*", false), ("image/*, */*;q=0.8", true), ("image/webp, */*", false),
            ("application/*, image/png;q=0.9", false), ("image/png;title=\"a,b;q=0\"", true),
            ("image/png;q=nan", false), ("image/png;q=2", false), ("image/pngx", false), ("x/png", false),
            ("image/*;q=0.1, image/png;q=0.2, application/json;q=0.15", true), (",image/png,", true),
        ])
    func preference(_ field: String, _ isPreferred: Bool) {
        #expect(AcceptedTypes(field).prefers("image/png", to: "application/json") == isPreferred)
    }
}
