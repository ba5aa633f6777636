import Foundation
import FuzzTargets
import Testing

/// What the fuzzer has collected, read again without it. A trap ends the process, so these pass by finishing too.
@Suite("Fuzzing")
struct CorpusTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

    private static func files(_ path: String) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(
            at: folder.appending(path: path), includingPropertiesForKeys: nil
        ).sorted { $0.path < $1.path }
    }

    @Test("Every input of the corpus is read or refused, and some are either", arguments: FuzzTarget.allCases)
    func corpus(target: FuzzTarget) throws {
        var outcomes: [Bool: Int] = [:]
        for file in try Self.files("Corpus/\(target.rawValue)") {
            let bytes = [UInt8](try Data(contentsOf: file))
            do {
                outcomes[try target.check(bytes), default: 0] += 1
            } catch {
                Issue.record(error, "\(file.lastPathComponent)")
            }
        }
        #expect(outcomes[true, default: 0] > 0, "none was read")
        #expect(outcomes[false, default: 0] > 0, "none was refused")
    }
}
