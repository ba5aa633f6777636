import Engine
import Networks
import SIREN
import WeightFormats

extension ShardHeader {
    /// Reads a file's metadata.
    /// - Throws: where a member is missing or is not as expected; the error names the member, without the file.
    init(metadata: [String: String]) throws(DatasetError) {
        let spec = try Self.layers(metadata)
        let family: NetworkFamily
        if let text = metadata["family"] {
            guard let known = NetworkFamily(rawValue: text) else { throw Self.error("family", "inr or cnn", text) }
            family = known
        } else {
            family = spec.isFullyConnected ? .inr : .cnn
        }
        var image: ImageShape?
        if let text = metadata["image"] {
            image = ImageShape(text: text)
            if image == nil { throw Self.error("image", "height, width and channels as in 28x28x1", text) }
        }
        self.init(
            family: family, spec: spec, notation: try Self.notation(metadata, family), image: image,
            classes: try Self.names("classes", metadata), targets: try Self.names("targets", metadata) ?? [],
            recipe: metadata["recipe"] ?? "")
    }

    /// The members as text, those of the header alone.
    var metadata: [String: String] {
        var result = ["family": family.rawValue, "sizes": spec.summary, "recipe": recipe]
        if !spec.isFullyConnected {
            result["kernels"] = spec.layers.map { layer in
                layer.kernel.isEmpty ? "-" : layer.kernel.map(String.init).joined(separator: "x")
            }.joined(separator: ",")
        }
        result["activation"] = notation.activation.rawValue
        if family == .inr {
            result["omega0"] = String(notation.omega0)
            result["hidden_omega0"] = String(notation.hiddenOmega0)
            result["order"] = notation.order.rawValue
            result["coordinates"] = notation.coordinates.text
            result["values"] = notation.values.text
        }
        result["image"] = image?.text
        if let classes { result["classes"] = Self.json(classes) }
        if !targets.isEmpty { result["targets"] = Self.json(targets) }
        return result
    }

    /// The layers that `sizes` and, where there is a convolution, `kernels` say.
    /// - Throws: where one of them is missing or not as expected.
    package static func layers(_ metadata: [String: String]) throws(DatasetError) -> NetworkSpec {
        let text = metadata["sizes"] ?? ""
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        let sizes = parts.compactMap { Int($0) }
        guard sizes.count == parts.count, (2...257).contains(sizes.count), sizes.allSatisfy((1...65536).contains) else {
            throw error("sizes", "neurons or channels of every layer as in 2-32-32-1", text)
        }
        guard let kernels = metadata["kernels"] else { return NetworkSpec(sizes: sizes) }
        let layers = kernels.split(separator: ",", omittingEmptySubsequences: false).map { part -> [Int]? in
            if part == "-" { return [] }
            let sides = part.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
            return sides.count == 2 && sides.allSatisfy((1...64).contains) ? sides : nil
        }
        let known = layers.compactMap(\.self)
        guard known.count == layers.count, known.count == sizes.count - 1 else {
            throw error("kernels", "\(sizes.count - 1) kernels as in 3x3, or - for a fully connected layer", kernels)
        }
        return NetworkSpec(sizes: sizes, kernels: known)
    }

    private static func notation(
        _ metadata: [String: String], _ family: NetworkFamily
    ) throws(DatasetError) -> Notation {
        do throws(NotationOptionError) {
            let claims = try NotationClaims(options: metadata.filter { NotationClaims.optionNames.contains($0.key) })
            return claims.applied(to: standardNotation(family))
        } catch {
            throw Self.error(error.name, error.expected, error.received)
        }
    }

    /// The names in a member that holds a JSON array of texts; nil without it.
    static func names(_ member: String, _ metadata: [String: String]) throws(DatasetError) -> [String]? {
        guard let text = metadata[member] else { return nil }
        guard let value = try? JSONValue.parse(Array(text.utf8)), let names = value.strings else {
            throw error(member, "a JSON array of texts", text)
        }
        return names
    }

    static func json(_ names: [String]) -> String {
        var writer = JSONWriter()
        writer.array(names) { $0.value($1) }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private static func error(_ member: String, _ expected: String, _ received: String) -> DatasetError {
        DatasetError("metadata '\(member)': expected \(expected), received '\(received.prefix(200))'")
    }
}
