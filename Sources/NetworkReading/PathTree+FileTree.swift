import Tensors
import WeightFormats

/// The tree of a file in which networks were found, to be written again.
struct RebuiltTree {
    /// The dicts and lists of the file, with whole keys.
    let tree: FileTree
    /// Where each leaf and each dict or list is: the positions of members and elements from the root on.
    let places: [Int: [Int]]
}

/// A weight that was computed of several arrays, in their place.
struct FoldedArray {
    let key: String
    let tensor: Tensor
    let elementType: ElementType
}

extension PathTree {
    /// The tree at and below a node, with the parts of dotted keys put together again.
    /// - Parameters:
    ///   - start: a dict, a list or a leaf; of a part of a dotted key, the tree is the dict of what its keys share.
    ///   - folded: arrays that take the place of the node's own.
    ///   - dropped: nodes that are left out.
    ///   - kept: the only nodes that are not left out, with the nodes around them; nil for all.
    func rebuilt(
        from start: Int = root, folded: [Int: FoldedArray], dropped: Set<Int>, kept: Set<Int>? = nil
    ) -> RebuiltTree {
        var places: [Int: [Int]] = [:]
        let tree = rebuilt(
            start, at: [], folded, { !dropped.contains($0) && kept?.contains($0) ?? true }, &places)
        return RebuiltTree(tree: tree, places: places)
    }

    private func rebuilt(
        _ node: Int, at place: [Int], _ folded: [Int: FoldedArray], _ isKept: (Int) -> Bool,
        _ places: inout [Int: [Int]]
    ) -> FileTree {
        places[node] = place
        if let folded = folded[node] { return .array(folded.tensor, folded.elementType) }
        if let value = nodes[node].value { return value }
        if nodes[node].isList {
            let elements = nodes[node].children.filter(isKept)
            return .list(
                elements.enumerated().map { index, child in
                    rebuilt(child, at: place + [index], folded, isKept, &places)
                })
        }
        var found: [(node: Int, key: String)] = []
        gather(node, nil, isKept, &found)
        // Keys that share a part were put together; the order of the nodes is that of the file.
        found.sort { $0.node < $1.node }
        return .dict(
            found.enumerated().map { index, member in
                FileTree.Member(
                    key: folded[member.node]?.key ?? member.key,
                    value: rebuilt(member.node, at: place + [index], folded, isKept, &places))
            })
    }

    /// The members of a dict, through the parts of their keys.
    private func gather(
        _ node: Int, _ prefix: String?, _ isKept: (Int) -> Bool, _ found: inout [(node: Int, key: String)]
    ) {
        for child in nodes[node].children where isKept(child) {
            let key = prefix.map { $0 + nodes[child].separator + nodes[child].key } ?? nodes[child].key
            if nodes[child].isContainer || nodes[child].value != nil {
                found.append((child, key))
            } else {
                gather(child, key, isKept, &found)
            }
        }
    }

    /// The key of a folded array in the dict that holds its first part.
    /// - Parameter name: below `container`.
    func foldedKey(_ name: String, of part: Int, below container: Int) -> String {
        let holder = lineage(part).dropLast().last { nodes[$0].isContainer } ?? Self.root
        let path = path(holder, below: container)
        let start = path.utf8.count + 1
        if !path.isEmpty, name.hasPrefix(path), name.utf8.count > start {
            return String(name.utf8.dropFirst(start)) ?? name
        }
        return path.isEmpty ? name : String(name.split { $0 == "." || $0 == "/" }.last ?? "weight")
    }
}

extension FileTree {
    /// The value at a place; nil without one.
    package subscript(place: ArraySlice<Int>) -> FileTree? {
        guard let index = place.first else { return self }
        switch self {
        case .dict(let members): return members.indices.contains(index) ? members[index].value[place.dropFirst()] : nil
        case .list(let elements): return elements.indices.contains(index) ? elements[index][place.dropFirst()] : nil
        default: return nil
        }
    }

    /// Replaces the value at a place, if there is one.
    package mutating func replace(_ place: ArraySlice<Int>, by change: (FileTree) -> FileTree) {
        guard let index = place.first else {
            self = change(self)
            return
        }
        switch self {
        case .dict(var members) where members.indices.contains(index):
            self = .inert("")
            var value = members[index].value
            value.replace(place.dropFirst(), by: change)
            members[index] = Member(key: members[index].key, value: value)
            self = .dict(members)
        case .list(var elements) where elements.indices.contains(index):
            self = .inert("")
            elements[index].replace(place.dropFirst(), by: change)
            self = .list(elements)
        default: break
        }
    }
}
