import Tensors

extension FileTree {
    /// The member of safetensors' texts, which only the formats with such a place keep.
    private static let metadataKey = "__metadata__"

    /// The tree without the texts of a safetensors header at its top level.
    var withoutMetadata: FileTree {
        guard case .dict(let members) = self else { return self }
        return .dict(members.filter { $0.key != Self.metadataKey })
    }

    /// The tree with a text in the place of safetensors' texts.
    package func settingMetadata(_ name: String, to text: String) -> FileTree {
        guard case .dict(var members) = self else { return self }
        let added = Member(key: name, value: .text(text))
        if let index = members.firstIndex(where: { $0.key == Self.metadataKey }),
            case .dict(let texts) = members[index].value
        {
            members[index] = Member(
                key: Self.metadataKey, value: .dict(texts.filter { $0.key != name } + [added]))
        } else {
            members.append(Member(key: Self.metadataKey, value: .dict([added])))
        }
        return .dict(members)
    }

    /// The arrays of the tree under their paths, with dots between the keys; numbers and texts as metadata. An array alone
    /// is named `arr_0`, as NumPy does.
    package var namedArrays: StateDict {
        var state = StateDict()
        var metadata: [String: String] = [:]
        func gather(_ tree: FileTree, _ path: String) {
            func step(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
            switch tree {
            case .array(let tensor, let type):
                state.set(NamedTensor(name: path.isEmpty ? NPYReader.unnamed : path, tensor: tensor, elementType: type))
            case .dict(let members): for member in members { gather(member.value, step(member.key)) }
            case .list(let elements):
                for (index, element) in elements.enumerated() { gather(element, step(String(index))) }
            case .number(let value): metadata[path] = Self.text(of: value)
            case .text(let text): metadata[path] = text
            case .inert, .unreadable: break
            }
        }
        gather(withoutMetadata, "")
        if case .dict(let members) = self,
            case .dict(let texts)? = members.first(where: { $0.key == Self.metadataKey })?.value
        {
            for text in texts { gather(text.value, text.key) }
        }
        state.metadata = metadata
        return state
    }
}

extension FileTree {
    /// `namedArrays`.
    /// - Throws: `malformed` where several arrays have one path, as those of `{"a.b": …, "a": {"b": …}}`.
    package func uniquelyNamedArrays() throws(FormatError) -> StateDict {
        var paths: Set<String> = []
        var repeated: String?
        func visit(_ tree: FileTree, _ path: String) {
            func step(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
            switch tree {
            case .array: if !paths.insert(path).inserted { repeated = repeated ?? path }
            case .dict(let members): for member in members { visit(member.value, step(member.key)) }
            case .list(let elements):
                for (index, element) in elements.enumerated() { visit(element, step(String(index))) }
            case .number, .text, .inert, .unreadable: break
            }
        }
        visit(withoutMetadata, "")
        if let repeated {
            throw FormatError(
                .malformed,
                "two arrays of the file have the path '\(repeated.prefix(120))', and the format has one array of a name; rename one, or write pt or json, which keep dicts"
            )
        }
        return namedArrays
    }
}

extension JSONWriter {
    /// A file's tree: arrays as nested lists of the values that their element type holds, `null` for what JSON has no
    /// form for. The texts of a safetensors header are left out; an array alone becomes a dict of one.
    package mutating func value(_ tree: FileTree) {
        if case .array = tree {
            part(.dict([FileTree.Member(key: NPYReader.unnamed, value: tree)]))
        } else {
            part(tree.withoutMetadata)
        }
    }

    private mutating func part(_ tree: FileTree) {
        switch tree {
        case .array(let tensor, let type):
            value(Tensor(shape: tensor.shape, values: ElementEncoder.rounded(tensor.values, to: type)))
        case .number(let number): value(number)
        case .text(let text): value(text)
        case .inert("true"): value(true)
        case .inert("false"): value(false)
        case .inert, .unreadable: null()
        case .dict(let members):
            beginObject()
            for member in members {
                name(member.key)
                part(member.value)
            }
            endObject()
        case .list(let elements): array(elements) { writer, element in writer.part(element) }
        }
    }
}

extension FileTree {
    /// Throws `non_finite` where a finite value of an array is none in the array's element type.
    package func checkRange() throws(FormatError) {
        for entry in namedArrays.entries { try entry.checkRange(of: entry.elementType) }
    }
}
