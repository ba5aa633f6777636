import Tensors
import Testing

@Suite struct NaturalOrderTests {
    @Test("numbers inside names sort by value")
    func numbersSortByValue() {
        let names = ["net.10.bias", "net.2.weight", "net.2.bias", "net.0.linear.weight", "a", "net"]
        #expect(
            names.sorted(by: naturallyPrecedes) == [
                "a", "net", "net.0.linear.weight", "net.2.bias", "net.2.weight", "net.10.bias",
            ])
    }

    @Test("the order is strict and total, also with leading zeros")
    func orderIsStrict() {
        #expect(!naturallyPrecedes("w.1", "w.1"))
        #expect(naturallyPrecedes("w.1", "w.01"))
        #expect(!naturallyPrecedes("w.01", "w.1"))
        #expect(naturallyPrecedes("w.99999999999999999999", "w.100000000000000000000"))
    }
}
