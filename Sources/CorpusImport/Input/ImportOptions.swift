import Datasets
import Engine
import NetworkReading
import Networks
import SIREN

/// Where labels come from that no table gives.
package enum LabelOrigin: String, Sendable, CaseIterable {
    /// The first folder below the one that was named: a folder for each class.
    case folders
    /// A number `label` beside the network in its file, as in the data of Deep Weight Spaces.
    case files
}

/// How the files of an import are arranged.
package enum ImportLayout: String, Sendable, CaseIterable {
    /// Files of networks, arrays of networks and corpora.
    case files
    /// Folders of the Small CNN Zoo (Unterthiner et al., arXiv 2002.11448): `weights.npy`, `layout.csv` and `metrics.csv`
    /// or `metrics.csv.gz`.
    case cnnZoo = "cnn-zoo"
}

/// What an import reads and how.
package struct ImportOptions: Sendable {
    /// Files and folders, as the user named them.
    package var paths: [String]
    /// The path of the table; nil without one.
    package var tablePath: String?
    /// What is said of its columns.
    package var table = TableOptions()
    package var layout = ImportLayout.files
    /// What is said of the notation of INRs and, of it, the activation of CNNs.
    package var claims = NotationClaims()
    /// The kind of the networks; nil for `cnn` where a network has a convolution.
    package var family: NetworkFamily?
    /// The layers that vectors of parameters are cut into; nil where there are none.
    package var spec: NetworkSpec?
    /// The member of every file that holds its network; nil to search for it.
    package var member: String?
    /// The extents of the pictures that INRs draw, where they are known.
    package var image: ImageShape?
    package var labelsFrom: LabelOrigin?
    /// A regular expression whose first group, in the path of a file below the named folder, is its label.
    package var labelPattern: String?
    /// The same for the source.
    package var sourcePattern: String?
    /// Whether networks without a row of the table are imported too, without a label.
    package var keepsUnlisted = false
    /// Whether equal numbers of sources in several of `paths` are one source.
    package var sharesSources = false
    /// The most networks of a shard.
    package var shardSize = 5000
    /// The most bytes of a shard's weights.
    package var shardBytes = 64 << 20

    /// The defaults of the command line.
    package init(paths: [String]) { self.paths = paths }

    /// All that changes the result, apart from the files' contents, as text.
    var summary: String {
        let parts: [String] = [
            paths.joined(separator: "\n"), tablePath ?? "", "\(table.classes)", "\(table.targets)",
            "\(table.conditions)", layout.rawValue,
            NotationPart.allCases.map { "\(claims.sources[$0] ?? "")" }.joined(),
            claims.applied(to: .nfn).text, family?.rawValue ?? "", spec.map { "\($0.layers)" } ?? "", member ?? "",
            image?.text ?? "", labelsFrom?.rawValue ?? "", labelPattern ?? "", sourcePattern ?? "",
            "\(keepsUnlisted) \(sharesSources) \(shardSize) \(shardBytes)",
        ]
        return parts.joined(separator: "\u{1}")
    }
}

extension Notation {
    /// All parts, for people and for comparison: `sine, ω₀ 30 and 30, rows first, coordinates -1..1, values -1..1`.
    var text: String {
        let frequencies = activation == .sine ? " ω₀ \(short(omega0)) and \(short(hiddenOmega0))" : ""
        return
            "\(activation.rawValue)\(frequencies), \(order.rawValue) first, coordinates \(coordinates.text), values \(values.text)"
    }

    private func short(_ value: Double) -> String { Int(exactly: value).map { String($0) } ?? String(value) }
}

/// A file or network that was not imported, and why.
package struct ImportProblem: Sendable, Equatable {
    /// The file's name, with the network's in brackets where it holds several.
    package let file: String
    /// As in the service's errors, or `ambiguous_notation`, `several_files` and others of the import's own.
    package let code: String
    package let detail: String
}
