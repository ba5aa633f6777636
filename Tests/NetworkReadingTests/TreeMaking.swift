import Networks
import Tensors
import WeightFormats

@testable import NetworkReading

/// A tree from literals: `["net": ["w": .zeros(3, 2)], "epoch": 7]`.
extension FileTree: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral
{
    package init(dictionaryLiteral elements: (String, FileTree)...) {
        self = .dict(elements.map { Member(key: $0, value: $1) })
    }
    package init(arrayLiteral elements: FileTree...) { self = .list(elements) }
    package init(integerLiteral value: Int) { self = .number(Double(value)) }
    package init(floatLiteral value: Double) { self = .number(value) }
    package init(stringLiteral value: String) { self = .text(value) }

    static func zeros(_ shape: Int..., type: ElementType = .float32) -> FileTree {
        .array(Tensor(zeros: shape), type)
    }

    static func array(_ shape: [Int], _ values: [Float]) -> FileTree {
        .array(Tensor(shape: shape, values: values), .float32)
    }

    /// The tree with more members, or the members of another dict.
    func adding(_ other: FileTree) -> FileTree {
        guard case .dict(let members) = self, case .dict(let more) = other else { return self }
        return .dict(members + more)
    }

    /// The dict with a prefix before every key.
    func prefixed(_ prefix: String) -> FileTree {
        guard case .dict(let members) = self else { return self }
        return .dict(members.map { Member(key: prefix + $0.key, value: $0.value) })
    }
}

extension StateDict {
    /// The named tensors as a dict of arrays.
    var tree: FileTree {
        .dict(entries.map { FileTree.Member(key: $0.name, value: .array($0.tensor, $0.elementType)) })
    }
}

/// One network found in a tree.
func found(
    _ tree: FileTree, _ options: NetworkSearchOptions = NetworkSearchOptions(), flatSpec: NetworkSpec? = nil
) throws -> FoundNetwork {
    let search = try NetworkSearch(tree, options, flatSpec: flatSpec)
    guard search.entries.count == 1 else { throw SeveralNetworks(names: search.entries.map(\.name)) }
    return try search.entries[0].result.get()
}

struct SeveralNetworks: Error { let names: [String?] }

extension FoundNetwork {
    func network() throws -> NetworkWeights { try weights[0].get() }
}

/// The fault of a tree, or of its only network.
func faultText(_ tree: FileTree, _ options: NetworkSearchOptions = NetworkSearchOptions()) -> String? {
    do throws(NetworkFault) {
        let search = try NetworkSearch(tree, options)
        guard search.entries.count == 1 else { return nil }
        _ = try search.entries[0].result.get()
        return nil
    } catch {
        return error.description
    }
}
