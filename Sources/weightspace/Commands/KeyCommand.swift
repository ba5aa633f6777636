import ArgumentParser
import ModelStore

/// `weightspace key`
struct KeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Makes a key for a client of the service.",
        discussion: """
            Prints the key, for the client, and the line for the file that 'serve --keys' reads. The file holds only the \
            key's digest: a key that is lost cannot be recovered from it.
            """)

    @Argument(help: "Who the key is for; a word.") var name: String
    @Flag(help: "Let its holder reload models.") var admin = false

    func validate() throws {
        guard !name.isEmpty, name.allSatisfy({ !$0.isWhitespace && $0 != "#" }) else {
            throw ValidationError("a name is one word without '#', received '\(name)'")
        }
    }

    func run() {
        var random = SystemRandomNumberGenerator()
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
        // 43 letters and digits are 256 bits.
        let key = "ws_" + String((0..<43).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] })
        print("key:  \(key)")
        print("line: \(name) sha256:\(ContentDigest.hexadecimal(Array(key.utf8)))\(admin ? " admin" : "")")
    }
}
