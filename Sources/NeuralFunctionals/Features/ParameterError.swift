/// One parameter of a checkpoint that is not as the model asks for it.
package struct ParameterProblem: Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, with shapes.
    package enum Kind: Sendable, Equatable {
        case missing(expected: [Int])
        case unexpected(received: [Int])
        case misshapen(expected: [Int], received: [Int])
        case nonFinite(element: Int, value: Float)
    }

    /// The parameter's name.
    package let name: String
    package let kind: Kind

    init(_ name: String, _ kind: Kind) {
        self.name = name
        self.kind = kind
    }

    /// One sentence with the name, what was expected and what was received.
    package var description: String {
        switch kind {
        case .missing(let shape): "missing parameter '\(name)' of shape \(shape)"
        case .unexpected: "unexpected parameter '\(name)'"
        case .misshapen(let expected, let received):
            "parameter '\(name)': expected shape \(expected), received \(received)"
        case .nonFinite(let element, let value): "parameter '\(name)': element \(element) is \(value)"
        }
    }
}

/// A checkpoint does not have the parameters that the model asks for: some are missing, unexpected, of another shape or
/// not finite.
package struct ParameterError: Error, Equatable, CustomStringConvertible {
    /// One sentence for each problem, with the name of the parameter, what was expected and what was received.
    package let problems: [String]
    /// What the problems have in common, as sentences; empty where nothing was recognised.
    package let causes: [String]
    /// Whether the names or the order of axes explain all problems, so that settings need not.
    private let areOfForm: Bool
    /// The file's name; nil where the parameters come from no file.
    private let file: String?

    /// - Parameters:
    ///   - problems: at least one.
    ///   - asked: how many parameters the model asks for.
    init(_ problems: [ParameterProblem], asked: Int) {
        let diagnosis = ParameterDiagnosis(problems, asked: asked)
        self.init(problems.map(\.description), diagnosis.causes, areOfForm: diagnosis.isOfForm, file: nil)
    }

    private init(_ problems: [String], _ causes: [String], areOfForm: Bool, file: String?) {
        self.problems = problems
        self.causes = causes
        self.areOfForm = areOfForm
        self.file = file
    }

    /// The same error with the file's name.
    /// - Parameter causes: further causes, named before the others: settings that contradict the file.
    package func within(_ file: String, causes further: [String] = []) -> ParameterError {
        ParameterError(problems, (areOfForm ? [] : further) + causes, areOfForm: areOfForm, file: file)
    }

    /// The likely causes, the first three problems and the number of all.
    package var description: String {
        let place = file.map { "'\($0)': " } ?? ""
        let cause = causes.isEmpty ? "" : "; likely cause: \(causes.prefix(3).joined(separator: ", and "))"
        let rest = problems.count > 3 ? "; and \(problems.count - 3) more, \(problems.count) in all" : ""
        return problems.prefix(3).map { place + $0 }.joined(separator: "; ") + rest + cause
    }
}

/// What the problems of a checkpoint have in common.
struct ParameterDiagnosis {
    private(set) var causes: [String] = []
    /// Whether the cause is in the names or the order of axes.
    private(set) var isOfForm = false

    init(_ problems: [ParameterProblem], asked: Int) {
        var missing: [String: [Int]] = [:]
        var unexpected: [String: [Int]] = [:]
        var misshapen: [(name: String, expected: [Int], received: [Int])] = []
        for problem in problems {
            switch problem.kind {
            case .missing(let shape): missing[problem.name] = shape
            case .unexpected(let shape): unexpected[problem.name] = shape
            case .misshapen(let expected, let received): misshapen.append((problem.name, expected, received))
            case .nonFinite: break
            }
        }
        let form = Self.prefix(missing, unexpected) ?? Self.transposed(misshapen)
        isOfForm = form != nil
        let cause =
            form ?? Self.depth(missing, unexpected, misshapen) ?? Self.ratio(misshapen)
            ?? Self.other(missing, unexpected, asked: asked)
        if let cause { causes = [cause] }
    }

    /// All names begin with a prefix that they should not have, or lack one.
    private static func prefix(_ missing: [String: [Int]], _ unexpected: [String: [Int]]) -> String? {
        guard missing.count > 1, let wanted = missing.keys.min(), !unexpected.isEmpty else { return nil }
        func share(_ change: (String) -> String) -> Bool {
            missing.keys.count { unexpected[change($0)] != nil } * 10 >= missing.count * 9
        }
        for name in unexpected.keys.sorted() {
            if name.hasSuffix("." + wanted) {
                let prefix = String(name.dropLast(wanted.count))
                if share({ prefix + $0 }) {
                    return
                        "the names in the file begin with '\(prefix)': save the module's own state_dict, or remove it"
                }
            }
            if wanted.hasSuffix("." + name) {
                let prefix = String(wanted.dropLast(name.count))
                if share({ $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : $0 }) {
                    return "the names in the file lack the prefix '\(prefix)': save the state_dict of the whole model"
                }
            }
        }
        return nil
    }

    private static func transposed(_ misshapen: [(name: String, expected: [Int], received: [Int])]) -> String? {
        let matrices = misshapen.filter { $0.expected.count > 1 }
        guard !matrices.isEmpty, matrices.count == misshapen.count,
            matrices.allSatisfy({ pair in
                pair.received == pair.expected.reversed()
            })
        else { return nil }
        return
            "the matrices are transposed, (inputs, outputs) as Flax and Keras have them; save them as (outputs, inputs)"
    }

    /// The checkpoint was made for networks with another number of layers.
    private static func depth(
        _ missing: [String: [Int]], _ unexpected: [String: [Int]],
        _ misshapen: [(name: String, expected: [Int], received: [Int])]
    ) -> String? {
        func layers(_ names: some Sequence<String>) -> Int? {
            names.compactMap { name -> Int? in
                let parts = name.split(whereSeparator: { $0 == "." || $0 == "_" })
                return Array(zip(parts, parts.dropFirst())).last { first, _ in
                    ["layer", "bias", "weights", "norms", "maps"].contains(first)
                }.flatMap { Int($1) }
            }.max()
        }
        if let table = misshapen.first(where: { $0.name.hasSuffix("weight_emb.weight") }),
            table.expected.first != table.received.first, let own = table.expected.first,
            let other = table.received.first
        {
            return "the file was made for networks of \(other) layers, 'input.sizes' has \(own)"
        }
        let (lacking, extra) = (layers(missing.keys), layers(unexpected.keys))
        guard misshapen.contains(where: { $0.name.contains("_rc.") || $0.name.contains("head") }) else { return nil }
        if let extra, lacking.map({ extra > $0 }) ?? true {
            return "the file was made for networks of more layers than 'input.sizes' has, of \(extra + 1) or more"
        }
        if let lacking, extra.map({ lacking > $0 }) ?? true {
            return "the file was made for networks of fewer layers than 'input.sizes' has"
        }
        return nil
    }

    /// All extents that differ have one ratio to what is expected.
    private static func ratio(_ misshapen: [(name: String, expected: [Int], received: [Int])]) -> String? {
        var pairs: [(expected: Int, received: Int)] = []
        for problem in misshapen where problem.expected.count == problem.received.count {
            for (expected, received) in zip(problem.expected, problem.received) where expected != received {
                pairs.append((expected, received))
            }
        }
        guard pairs.count > 1, let first = pairs.first, first.received > 0,
            pairs.allSatisfy({ $0.expected * first.received == $0.received * first.expected })
        else { return nil }
        let isLess = first.received < first.expected
        let (more, less) = isLess ? (first.expected, first.received) : (first.received, first.expected)
        let times =
            switch (isLess, more % less == 0 ? more / less : 0) {
            case (true, 2): "half of"
            case (false, 2): "twice"
            case (true, let factor) where factor > 0: "1/\(factor) of"
            case (false, let factor) where factor > 0: "\(factor) times"
            default: "\(first.received)/\(first.expected) of"
            }
        return "every channel count that differs is \(times) what is expected"
    }

    private static func other(_ missing: [String: [Int]], _ unexpected: [String: [Int]], asked: Int) -> String? {
        guard asked > 1, missing.count == asked, let name = unexpected.keys.min() else { return nil }
        return "the file holds the parameters of another kind of model, such as '\(name)'"
    }
}
