import Networks
import Tensors

/// The frequencies of sines that a file's numbers give the layers of a network.
///
/// A number is recognised by the last words of its path, without letter case, underscores and other separators. One whose
/// path lies in a layer's own module, such as `net.0.omega_0` beside `net.0.linear.weight` or `layers.0.activation.w0`
/// beside `layers.0.weight`, is that layer's. Numbers that are told apart by a position (`acts.0.omega`, `acts.1.omega`),
/// and the elements of a list (`omegas`), are the layers' in order. Any other is that of all layers.
struct FileFactors {
    /// The layers that a number is the factor of.
    enum Layers: Hashable {
        case first
        case hidden
        case all
    }

    /// A number of the file that is a factor.
    struct Statement: Hashable {
        let path: String
        let value: Double
        let layers: Layers
        /// Whether its name also means other things: `scale`, `frequency`.
        let isWeak: Bool

        var source: String { "\(FileFactors.shown(path)) = \(NotationClaims.number(value)) in the file" }
    }

    /// What says most of single layers comes first, and then what is nearest to the network.
    private(set) var statements: [Statement] = []

    /// The first statement of the first layer's factor, or of all layers'.
    var first: Statement? { statement(of: .first) }
    /// The first statement of the further layers' factor, or of all layers'.
    var hidden: Statement? { statement(of: .hidden) }

    /// The statements of different factors for the further hidden layers, which no notation has; empty where they agree.
    var differing: [Statement] {
        let hidden = statements.filter { $0.layers == .hidden && !$0.isWeak }
        guard let first = hidden.first, let other = hidden.first(where: { $0.value != first.value }),
            place(first) == place(other)
        else { return [] }
        return [first, other]
    }

    init(_ context: NetworkContext, of network: NetworkWeights) {
        let modules = network.layers.map { FactorPath($0.weightName).module }
        var numbers: [(path: FactorPath, value: Double, meaning: Meaning)] = []
        for (path, value) in Self.numbers(context) {
            let path = FactorPath(path)
            if let meaning = Meaning(path) { numbers.append((path, value, meaning)) }
        }
        // Explicit words, then layers' own modules, then positions, then what is of all layers.
        var ranked: [[Statement]] = Array(repeating: [], count: 4)
        func state(_ rank: Int, _ path: String, _ value: Double, _ layers: Layers, _ isWeak: Bool = false) {
            ranked[rank].append(Statement(path: path, value: value, layers: layers, isWeak: isWeak))
        }
        var open: [Open] = []
        for number in numbers {
            switch number.meaning {
            case .first: state(0, number.path.text, number.value, .first)
            case .hidden: state(0, number.path.text, number.value, .hidden)
            case .factor(let isWeak, let isOneOfSeveral):
                guard let owner = Self.owner(number.path, modules) else {
                    open.append((number.path, number.value, isWeak, isOneOfSeveral))
                    continue
                }
                // A factor behind the last layer changes nothing that a notation has.
                guard owner < modules.count - 1 || modules.count == 2 else { continue }
                state(1, number.path.text, number.value, owner == 0 ? .first : .hidden, isWeak)
            }
        }
        for series in Self.series(open) {
            let members = series.map { open[$0] }
            for (index, member) in members.enumerated() {
                if members.count == 1 {
                    // A scale below 1 is no frequency.
                    if member.isOneOfSeveral || member.isWeak && member.value < 1 { continue }
                    state(3, member.path.text, member.value, .all, member.isWeak)
                } else if index < max(modules.count - 1, 2) {
                    state(2, member.path.text, member.value, index == 0 ? .first : .hidden, member.isWeak)
                }
            }
        }
        for list in context.arrays where list.tensor.rank == 1 && Meaning.isFactor(FactorPath(list.name).word) {
            // One for each hidden layer, for each layer, or for the first and for the others.
            let values = list.tensor.values.map { Double($0) }
            guard [2, modules.count - 1, modules.count].contains(values.count), values.allSatisfy(Self.isFactor) else {
                continue
            }
            for (index, value) in values.prefix(max(modules.count - 1, 2)).enumerated() {
                state(2, "\(list.name).\(index)", value, index == 0 ? .first : .hidden)
            }
        }
        statements = ranked.flatMap(\.self)
    }

    private func statement(of layers: Layers) -> Statement? {
        for isWeak in [false, true] {
            let own = statements.first { $0.layers == layers && $0.isWeak == isWeak }
            if let found = own ?? statements.first(where: { $0.layers == .all && $0.isWeak == isWeak }) { return found }
        }
        return nil
    }

    /// The place of a statement without its position among others.
    private func place(_ statement: Statement) -> String { FactorPath(statement.path).withoutPositions }

    /// Numbers, and texts that are numbers, the nearest to the network first.
    private static func numbers(_ context: NetworkContext) -> [(path: String, value: Double)] {
        let scalars = context.scalars.map { ($0.path, $0.value) }
        let texts = context.texts.compactMap { text in
            text.number.map { (text.path, $0) }
        }
        return (scalars + texts).filter { isFactor($0.1) }
    }

    private static func isFactor(_ value: Double) -> Bool { value.isFinite && value >= 1e-6 && value <= 1e6 }

    /// The only layer in whose module, or in the module around its own, a number lies; nil where it is none or several.
    private static func owner(_ path: FactorPath, _ modules: [[String]]) -> Int? {
        guard modules.count > 1 else { return nil }
        var module = path.module[...]
        while !module.isEmpty {
            let owners = modules.indices.filter { modules[$0].starts(with: module) }
            if owners.count == 1 { return owners[0] }
            if !owners.isEmpty { return nil }
            module = module.dropLast()
        }
        return nil
    }

    /// A factor that lies in no single layer's module.
    private typealias Open = (path: FactorPath, value: Double, isWeak: Bool, isOneOfSeveral: Bool)

    /// The indices of numbers whose paths differ in one position only, in its order; those of one number alone where there
    /// are no others.
    private static func series(_ numbers: [Open]) -> [[Int]] {
        let groups = Dictionary(grouping: numbers.indices) { numbers[$0].path.withoutPositions }
        return groups.values.sorted { $0[0] < $1[0] }.flatMap { group -> [[Int]] in
            let positions = group.map { numbers[$0].path.positions }
            guard group.count > 1, Set(positions).count == group.count else { return group.map { [$0] } }
            return [group.sorted { numbers[$0].path.positions.lexicographicallyPrecedes(numbers[$1].path.positions) }]
        }
    }

    static func shown(_ path: String) -> String { String(path.suffix(60)) }
}

/// What the words of a path say of a number.
private enum Meaning {
    case first
    case hidden
    /// - Parameter isOneOfSeveral: whether the word is a factor only beside others that differ in its number, as `omega_1`.
    case factor(isWeak: Bool, isOneOfSeveral: Bool)

    /// Nil for a path that says nothing of frequencies.
    init?(_ path: FactorPath) {
        var word = path.word
        // `omega_0.first`, and `omega_0.value` of a wrapper.
        if ["first", "initial", "hidden", "others", "value"].contains(word) {
            let outer = path.outerWord
            guard Self.factors.contains(outer) else { return nil }
            word = word == "value" ? outer : outer + (word == "others" ? "hidden" : word)
        }
        if Self.firstWords.contains(word) {
            self = .first
        } else if Self.hiddenWords.contains(word) {
            self = .hidden
        } else if Self.isFactor(word) {
            self = .factor(isWeak: false, isOneOfSeveral: false)
        } else if path.base != word, Self.bases.contains(path.base) {
            self = .factor(isWeak: false, isOneOfSeveral: true)
        } else if Self.weakWords.contains(word) {
            self = .factor(isWeak: true, isOneOfSeveral: false)
        } else {
            return nil
        }
    }

    /// Whether a word is a factor by itself, also in the plural.
    static func isFactor(_ word: String) -> Bool {
        factors.contains(word) || word.hasSuffix("s") && factors.contains(String(word.dropLast()))
    }

    private static let firstWords: Set<String> = [
        "firstomega0", "firstomega", "omega0first", "omegafirst", "firstw0", "w0first", "w0initial", "initialw0",
        "omega0initial", "omegainitial", "initialomega0", "firstlayeromega", "firstlayeromega0", "firstlayerw0",
    ]
    private static let hiddenWords: Set<String> = [
        "hiddenomega0", "hiddenomega", "omega0hidden", "omegahidden", "hiddenw0", "w0hidden", "hiddenlayeromega",
        "hiddenlayeromega0", "hiddenlayersomega0", "otheromega0",
    ]
    private static let factors: Set<String> = [
        "omega0", "omega", "w0", "sirenomega", "sirenomega0", "sirenw0", "omegao", "sinefrequency", "sinew0",
    ]
    /// Words before a layer's number.
    private static let bases: Set<String> = ["omega", "w", "sirenomega"]
    /// Words that also name the spread of Fourier features, the scale of a picture or a schedule.
    private static let weakWords: Set<String> = ["scale", "scale0", "frequency", "freq"]
}

/// A path whose words are compared without letter case and separators.
private struct FactorPath {
    let text: String
    /// The parts before the last word.
    let module: [String]
    /// The last part that is not a number; elements of lists have their position after it.
    let word: String
    /// `word` without the number at its end.
    let base: String
    /// The numbers of the path.
    let positions: [Int]
    /// The path with each number replaced by one sign.
    let withoutPositions: String

    init(_ text: String) {
        self.text = text
        let parts = text.split(whereSeparator: { $0 == "." || $0 == "/" }).map(String.init)
        let last = parts.lastIndex { !$0.allSatisfy(\.isNumber) } ?? parts.startIndex
        module = Array(parts.prefix(last))
        word = parts.isEmpty ? "" : Self.plain(parts[last])
        let digits = word.reversed().prefix { $0.isNumber }.count
        base = String(word.dropLast(digits))
        var positions: [Int] = []
        var signs: [String] = []
        for (index, part) in parts.enumerated() {
            if index == last {
                if digits > 0 { positions.append(Int(word.suffix(digits)) ?? 0) }
                signs.append(digits > 0 ? base + "#" : word)
            } else if let position = Int(part) {
                positions.append(position)
                signs.append("#")
            } else {
                signs.append(part)
            }
        }
        self.positions = positions
        withoutPositions = signs.joined(separator: ".")
    }

    /// The word before the last one.
    var outerWord: String { module.last.map(Self.plain) ?? "" }

    private static func plain(_ part: String) -> String { part.lowercased().filter { $0.isLetter || $0.isNumber } }
}

extension NetworkContext.Text {
    /// The number that the text is; nil for other texts.
    fileprivate var number: Double? {
        value.utf8.count <= 32 ? Double(value.filter { !$0.isWhitespace }) : nil
    }
}
