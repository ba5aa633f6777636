/// One step of the option `edits`, such as `rotate:30`.
package struct EditStep: Sendable, Hashable {
    /// What a step does.
    package enum Action: Sendable, Hashable {
        /// A change of one network's weights by a formula.
        case exact(ExactEdit)
        /// (1 − weight) · the first network + weight · the second.
        case blend(weight: Double)
        /// A model's edit, by its name; the change of the weights is multiplied by `amount`.
        case learned(amount: Double)
    }

    /// The name before the colon.
    package let name: String
    /// What it does.
    package let action: Action

    /// Whether no model is needed.
    package var isExact: Bool {
        if case .learned = action { false } else { true }
    }

    /// The names of exact edits, each with its numbers; no model may offer an edit of the same name.
    package static let exactForms = [
        "rotate:DEGREES", "mirror:x or mirror:y", "translate:DX:DY", "zoom:FACTOR", "crop:LEFT:TOP:WIDTH:HEIGHT",
        "brightness:AMOUNT", "contrast:FACTOR", "invert", "blend:WEIGHT", "convert:NOTATION",
    ]

    /// The names of exact edits.
    package static let exactNames = exactForms.map { String($0.prefix { $0.isLetter }) }

    /// The most steps of a list.
    package static let mostSteps = 32

    /// Reads a list such as `rotate:30,invert`: steps with commas between, applied from left to right.
    /// - Throws: what the list should hold.
    package static func list(_ text: String) throws(EditStepError) -> [EditStep] {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count <= mostSteps else {
            throw EditStepError(expected: "at most \(mostSteps) steps", received: "\(parts.count)")
        }
        var steps: [EditStep] = []
        for part in parts { steps.append(try EditStep(trimmed(part))) }
        if let late = steps.dropFirst().first(where: { $0.name == "blend" }) {
            throw EditStepError(
                expected: "blend as the first step, since it makes one network of two",
                received: "'\(late.name)' after others")
        }
        return steps
    }

    private static func trimmed(_ text: Substring) -> String {
        let start = text.drop { $0 == " " }
        return String(String(start.reversed().drop { $0 == " " }.reversed()))
    }

    private init(_ text: String) throws(EditStepError) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        name = parts[0]
        guard Self.isName(name) else {
            throw EditStepError(
                expected:
                    "steps with commas between, each one of \(Self.exactForms.joined(separator: ", ")), or NAME or NAME:AMOUNT of a model's edit",
                received: "'\(text)'")
        }
        let arguments = StepArguments(text, Array(parts.dropFirst()))
        action = try Self.action(name, arguments)
    }

    /// Letters, digits, `_` and `-`, a letter first.
    package static func isName(_ text: String) -> Bool {
        text.utf8.count <= 64 && text.first?.isLetter == true
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    private static func action(_ name: String, _ arguments: StepArguments) throws(EditStepError) -> Action {
        func number(_ form: String, _ range: ClosedRange<Double>) throws(EditStepError) -> Double {
            try arguments.numbers(form, [range])[0]
        }
        switch name {
        case "rotate":
            return .exact(.coordinates(.rotation(degrees: try number("rotate:DEGREES", -36_000...36_000))))
        case "mirror":
            guard arguments.texts.count == 1, let axis = MirrorAxis(rawValue: arguments.texts[0]) else {
                throw arguments.error(
                    "mirror:x, which exchanges left and right, or mirror:y, which exchanges top and bottom")
            }
            return .exact(.coordinates(.mirror(axis)))
        case "translate":
            let moves = try arguments.numbers("translate:DX:DY", [-100...100, -100...100])
            return .exact(.coordinates(.translation(right: moves[0], down: moves[1])))
        case "zoom": return .exact(.coordinates(.zoom(try number("zoom:FACTOR", 0.01...100))))
        case "crop":
            let sides = try arguments.numbers(
                "crop:LEFT:TOP:WIDTH:HEIGHT", [-100...100, -100...100, 0.001...100, 0.001...100])
            return .exact(.coordinates(.crop(left: sides[0], top: sides[1], width: sides[2], height: sides[3])))
        case "brightness": return .exact(.output(.brightness(try number("brightness:AMOUNT", -100...100))))
        case "contrast": return .exact(.output(.contrast(try number("contrast:FACTOR", -100...100))))
        case "invert":
            _ = try arguments.numbers("invert, without numbers", [])
            return .exact(.output(.invert))
        case "blend": return .blend(weight: try number("blend:WEIGHT", -10...10))
        case "convert":
            guard arguments.texts.count == 1, let preset = NotationPreset(rawValue: arguments.texts[0]) else {
                let names = NotationPreset.allCases.map { "convert:\($0.rawValue)" }
                throw arguments.error("one of \(names.joined(separator: ", "))")
            }
            return .exact(.convert(preset))
        default:
            guard !arguments.texts.isEmpty else { return .learned(amount: 1) }
            do throws(EditStepError) {
                return .learned(amount: try number("\(name):AMOUNT", -10...10))
            } catch {
                throw arguments.error(
                    "\(name):AMOUNT with a number from -10 to 10, of an edit that a model has learned, or one of \(exactForms.joined(separator: ", "))"
                )
            }
        }
    }
}

/// What follows the name of a step.
private struct StepArguments {
    private let whole: String
    let texts: [String]

    init(_ whole: String, _ texts: [String]) { (self.whole, self.texts) = (whole, texts) }

    /// As many numbers as there are ranges.
    func numbers(_ form: String, _ ranges: [ClosedRange<Double>]) throws(EditStepError) -> [Double] {
        guard texts.count == ranges.count else { throw error(form) }
        var numbers: [Double] = []
        for (text, range) in zip(texts, ranges) {
            guard let number = Double(text), range.contains(number) else {
                throw error(
                    "\(form) with a number from \(Self.text(range.lowerBound)) to \(Self.text(range.upperBound))")
            }
            numbers.append(number)
        }
        return numbers
    }

    func error(_ expected: String) -> EditStepError { EditStepError(expected: expected, received: "'\(whole)'") }

    private static func text(_ bound: Double) -> String { Int(exactly: bound).map { String($0) } ?? String(bound) }
}

/// A list of steps that cannot be read.
package struct EditStepError: Error, Sendable, Hashable {
    /// What the list or the step should be.
    package let expected: String
    /// What it was.
    package let received: String
}
