import Foundation
import FuzzTargets
import Testing

@testable import WeightFormats

/// Replays the inputs that the fuzzer has collected. A trap ends the process, so finishing is part of the check.
@Suite("Fuzzing")
struct CorpusTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Corpus")

    @Test("Every input of the corpus is read or refused, and some are either", arguments: FuzzTarget.allCases)
    func corpus(target: FuzzTarget) throws {
        let file = Self.folder.appending(path: "\(target.rawValue).zip")
        let archive = try ZipArchive([UInt8](try Data(contentsOf: file)), limits: FormatLimits())
        var outcomes: [Bool: Int] = [:]
        for entry in archive.entries {
            let bytes = [UInt8](try archive.read(entry))
            do {
                outcomes[try target.check(bytes), default: 0] += 1
            } catch {
                Issue.record(error, "\(entry.name)")
            }
        }
        #expect(outcomes[true, default: 0] > 0, "none was read")
        #expect(outcomes[false, default: 0] > 0, "none was refused")
        #expect(outcomes.values.reduce(0, +) == archive.entries.count)
    }

    @Test("The corpus is complete: an archive of each target, two thousand inputs in all")
    func size() throws {
        let counts = try FuzzTarget.allCases.map { target in
            let file = Self.folder.appending(path: "\(target.rawValue).zip")
            return try ZipArchive([UInt8](try Data(contentsOf: file)), limits: FormatLimits()).entries.count
        }
        #expect(counts.allSatisfy { $0 > 10 })
        #expect(counts.reduce(0, +) >= 2000)
    }
}
