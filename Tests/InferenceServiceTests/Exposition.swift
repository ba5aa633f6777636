import InferenceService
import Testing

/// Prometheus text parsed by the format's rules; violations are recorded as issues.
struct Exposition {
    struct Sample: Hashable {
        let name: String
        let labels: [String: String]
        let value: String

        var number: Double { Double(value.replacing("Inf", with: "inf")) ?? .nan }
    }

    private(set) var kinds: [String: String] = [:]
    private(set) var samples: [Sample] = []

    init(_ text: String) {
        #expect(text.hasSuffix("\n"))
        var helped: String?
        var family: String?
        for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("# HELP ") {
                helped = String(line.dropFirst(7).prefix { $0 != " " })
                family = nil
            } else if line.hasPrefix("# TYPE ") {
                let words = line.split(separator: " ").map(String.init)
                guard words.count == 4 else {
                    Issue.record("malformed: \(line)")
                    continue
                }
                #expect(helped == words[2], "HELP and TYPE of one family stand together")
                #expect(kinds.updateValue(words[3], forKey: words[2]) == nil, "\(words[2]) declared twice")
                family = words[2]
            } else if let sample = Self.sample(line), let family {
                #expect(Self.belongs(sample.name, to: family, kind: kinds[family]), "\(sample.name) within \(family)")
                samples.append(sample)
            } else {
                Issue.record("neither a comment nor a sample of a declared family: \(line)")
            }
        }
        let series = samples.map { Sample(name: $0.name, labels: $0.labels, value: "") }
        #expect(Set(series).count == series.count, "a series occurs twice")
        checkNames()
        checkHistograms()
    }

    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        samples.first { $0.name == name && $0.labels == labels }?.number
    }

    private static func belongs(_ name: String, to family: String, kind: String?) -> Bool {
        kind == "histogram" ? ["_bucket", "_sum", "_count"].contains { family + $0 == name } : name == family
    }

    private static func sample(_ line: Substring) -> Sample? {
        var rest = line
        let name = rest.prefix { $0 != "{" && $0 != " " }
        rest.removeFirst(name.count)
        var labels: [String: String] = [:]
        if rest.first == "{" {
            repeat {
                rest.removeFirst()
                let label = rest.prefix { $0 != "=" }
                rest.removeFirst(label.count)
                guard label.wholeMatch(of: /[a-zA-Z_][a-zA-Z0-9_]*/) != nil, rest.hasPrefix("=\"") else { return nil }
                rest.removeFirst(2)
                guard let value = quoted(&rest), labels.updateValue(value, forKey: String(label)) == nil else {
                    return nil
                }
            } while rest.first == ","
            guard rest.first == "}" else { return nil }
            rest.removeFirst()
        }
        guard rest.first == " ", name.wholeMatch(of: /[a-zA-Z_][a-zA-Z0-9_]*/) != nil else { return nil }
        let value = String(rest.dropFirst())
        guard ["+Inf", "-Inf", "NaN"].contains(value) || Double(value) != nil else { return nil }
        return Sample(name: String(name), labels: labels, value: value)
    }

    /// A label value up to its closing quote, unescaped.
    private static func quoted(_ rest: inout Substring) -> String? {
        var value = ""
        while let character = rest.popFirst() {
            switch character {
            case "\"": return value
            case "\\":
                switch rest.popFirst() {
                case "\\": value.append("\\")
                case "\"": value.append("\"")
                case "n": value.append("\n")
                default: return nil
                }
            default: value.append(character)
            }
        }
        return nil
    }

    private func checkNames() {
        for (name, kind) in kinds {
            #expect(["counter", "gauge", "histogram"].contains(kind))
            #expect((kind == "counter") == name.hasSuffix("_total"), "\(name) is a \(kind)")
        }
        for sample in samples where kinds[sample.name] == "counter" { #expect(sample.number >= 0) }
    }

    private func checkHistograms() {
        for (family, kind) in kinds where kind == "histogram" {
            let buckets = Dictionary(grouping: samples.filter { $0.name == family + "_bucket" }) {
                $0.labels.filter { $0.key != "le" }
            }
            for (labels, buckets) in buckets {
                let bounds = buckets.compactMap {
                    $0.labels["le"].map { $0 == "+Inf" ? .infinity : Double($0) ?? .nan }
                }
                #expect(bounds.count == buckets.count)
                #expect(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 })
                #expect(zip(buckets, buckets.dropFirst()).allSatisfy { $0.number <= $1.number }, "cumulative")
                #expect(bounds.last == .infinity)
                #expect(buckets.last?.number == value(family + "_count", labels))
                #expect(value(family + "_sum", labels) != nil)
            }
            #expect(samples.filter { $0.name == family + "_count" }.count == buckets.count)
        }
    }
}
