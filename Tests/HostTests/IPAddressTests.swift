import Host
import Testing

@Suite("IP addresses and networks")
struct IPAddressTests {
    @Test(
        "an address has several spellings, and is written in the shortest",
        arguments: [
            ("::1", "0:0:0:0:0:0:0:1", "::1"), ("2001:DB8::", "2001:0db8:0:0:0:0:0:0", "2001:db8::"),
            ("::ffff:10.0.0.1", "10.0.0.1", "10.0.0.1"), ("1::1.2.3.4", "1:0:0:0:0:0:102:304", "1::102:304"),
        ])
    func spellings(_ one: String, _ other: String, _ shortest: String) throws {
        let address = try #require(IPAddress(one))
        #expect(address == IPAddress(other))
        #expect(address.description == shortest)
    }

    @Test(
        "text that is not a numeric address is refused",
        arguments: [
            "", "1.2.3", "1.2.3.256", "1.2.3.4.5", "+1.2.3.4", "a.b.c.d", "localhost", "10.0.0.0/8", "[::1]", ":",
            ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::", "::1.2.3", "1:2:3:4:5:6:7::8",
            "unix", "1.2.3.4\0", "::1\0x", " 1.2.3.4", "010.0.0.1", "fe80::1%lo",
        ])
    func noAddress(_ text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(
        "a network holds the addresses with its prefix",
        arguments: [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("10.1.2.3/8", "10.9.9.9", true),
            ("192.168.4.0/22", "192.168.7.255", true), ("192.168.4.0/22", "192.168.8.0", false),
            ("0.0.0.0/0", "1.2.3.4", true), ("0.0.0.0/0", "::1", false), ("1.2.3.4", "1.2.3.4", true),
            ("1.2.3.4", "1.2.3.5", false), ("1.2.3.4/32", "1.2.3.4", true), ("1.2.3.4/31", "1.2.3.5", true),
            ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::1", false),
            ("::/0", "2001:db8::1", true), ("::ffff:10.0.0.0/104", "10.7.7.7", true),
            ("::ffff:10.0.0.0/104", "11.0.0.0", false), ("10.0.0.0/8", "::ffff:10.1.1.1", true),
        ])
    func contains(_ network: String, _ address: String, _ isInside: Bool) throws {
        let network = try #require(IPNetwork(network))
        #expect(network.contains(try #require(IPAddress(address))) == isInside)
    }

    @Test(
        "text that is not a network is refused",
        arguments: [
            "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.0/08x",
            "::/129", "::ffff:10.0.0.0/8", "10/8", "localhost/8",
        ])
    func noNetwork(_ text: String) {
        #expect(IPNetwork(text) == nil)
    }
}
