import ArgumentParser
import WeightFormats

/// `weightspace key`
struct KeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Makes an API key for a client of the service.",
        discussion: """
            Prints the key, for the client, and the line for the file that 'serve --keys' reads. The line holds the key's \
            SHA-256 digest, from which a lost key cannot be recovered.
            """)

    @Argument(help: "The client's name, one word.") var name: String
    @Flag(help: "The key also allows POST /admin/reload.") var admin = false

    func validate() throws {
        guard !name.isEmpty, name.allSatisfy({ !$0.isWhitespace && $0 != "#" }) else {
            throw ValidationError("NAME: expected one word without '#', received '\(name)'")
        }
    }

    func run() {
        var random = SystemRandomNumberGenerator()
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
        // 43 characters from an alphabet of 62 have 43 · log₂ 62 = 256 bits of entropy.
        let key = "ws_" + String((0..<43).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] })
        print("key:  \(key)")
        print("line: \(name) sha256:\(ContentDigest.hexadecimal(Array(key.utf8)))\(admin ? " admin" : "")")
    }
}
