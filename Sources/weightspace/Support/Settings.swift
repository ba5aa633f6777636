import ArgumentParser
import Foundation

/// Resolves settings: a flag on the command line overrides the environment variable `WEIGHTSPACE_…`, which overrides
/// the default. An empty variable counts as unset.
struct Settings {
    private static let prefix = "WEIGHTSPACE_"
    /// Variables with the prefix that are not settings: `BuildFacts` and the package's build read them.
    private static let others: Set = ["WEIGHTSPACE_COMMIT", "WEIGHTSPACE_STRICT", "WEIGHTSPACE_FUZZ"]

    private let environment: [String: String]
    /// The variables of all settings that were resolved.
    private var variables: Set<String> = []
    /// Every resolved setting with its value and the source of the value, for `--print-config`.
    private(set) var resolved: [(name: String, value: String, source: String)] = []

    init(environment: [String: String] = ProcessInfo.processInfo.environment) { self.environment = environment }

    /// The environment variable of a setting: `WEIGHTSPACE_MAX_QUEUE` for `max-queue`.
    static func variable(_ name: String) -> String {
        prefix + name.uppercased().replacingOccurrences(of: "-", with: "_")
    }

    /// Resolves a setting that has a default.
    /// - Parameters:
    ///   - name: the flag without its hyphens, such as `max-queue`.
    ///   - flag: the value on the command line; nil where it is not given.
    ///   - expected: the valid values in words, for the error.
    /// - Throws: `ValidationError` where the value is not valid.
    mutating func value<Value: LosslessStringConvertible>(
        _ name: String, _ flag: Value?, default standard: Value, isValid: (Value) -> Bool = { _ in true },
        expected: String
    ) throws -> Value {
        try optional(name, flag, isValid: isValid, expected: expected) ?? note(name, standard, "default")
    }

    /// Resolves a setting that has no default; nil where it is not given.
    /// - Parameter standIn: the text of `--print-config` for nil; nil to leave it out there.
    mutating func optional<Value: LosslessStringConvertible>(
        _ name: String, _ flag: Value?, standIn: String? = nil, isValid: (Value) -> Bool = { _ in true },
        expected: String
    ) throws -> Value? {
        let variable = Self.variable(name)
        variables.insert(variable)
        if let flag {
            guard isValid(flag) else { throw ValidationError("--\(name): expected \(expected), received '\(flag)'") }
            return note(name, flag, "command line")
        }
        guard let text = environment[variable], !text.isEmpty else {
            if let standIn { resolved.append((name, standIn, "default")) }
            return nil
        }
        guard let value = Value(text), isValid(value) else {
            throw ValidationError("\(variable): expected \(expected), received '\(text)'")
        }
        return note(name, value, variable)
    }

    /// Resolves a setting that is on or off.
    /// - Parameter flag: whether the flag is on the command line.
    mutating func flag(_ name: String, _ flag: Bool) throws -> Bool {
        try value(name, flag ? true : nil, default: false, expected: "true or false")
    }

    /// A setting with several values, which the environment separates by commas.
    mutating func list(_ name: String, _ values: [String], standIn: String = "none") throws -> [String] {
        let joined = try optional(
            name, values.isEmpty ? nil : values.joined(separator: ","), standIn: standIn, expected: "values")
        // Values of the command line are not split, since a value may contain a comma.
        guard values.isEmpty else { return values }
        return (joined ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
    }

    /// A warning for every variable `WEIGHTSPACE_…` that is set and belongs to no setting, with the nearest name of
    /// one. To be read after all settings are resolved.
    var unknownVariables: [String] {
        environment.filter { variable, value in
            variable.hasPrefix(Self.prefix) && !value.isEmpty && !variables.contains(variable)
                && !Self.others.contains(variable) && !Self.isServiceLink(variable)
        }.keys.sorted().map { variable in
            let nearest = variables.map { (name: $0, distance: Self.distance($0, variable)) }
                .min { ($0.distance, $0.name) < ($1.distance, $1.name) }
            // A name is suggested where at most a third of the characters after the prefix differ.
            guard let nearest, 3 * nearest.distance <= variable.count - Self.prefix.count else {
                return "\(variable) is no setting"
            }
            return "\(variable) is no setting; is \(nearest.name) meant?"
        }
    }

    /// Whether it is a variable that Kubernetes sets in containers for a Service named `weightspace`.
    private static func isServiceLink(_ variable: String) -> Bool {
        ["WEIGHTSPACE_SERVICE_", "WEIGHTSPACE_PORT_"].contains { variable.hasPrefix($0) }
    }

    /// The Levenshtein distance: the fewest insertions, deletions and replacements of a character.
    private static func distance(_ left: String, _ right: String) -> Int {
        let right = Array(right)
        var row = Array(0...right.count)
        for (index, character) in left.enumerated() {
            var previous = row[0]
            row[0] = index + 1
            for column in right.indices {
                let replaced = previous + (right[column] == character ? 0 : 1)
                previous = row[column + 1]
                row[column + 1] = min(replaced, row[column] + 1, previous + 1)
            }
        }
        return row[right.count]
    }

    private mutating func note<Value: LosslessStringConvertible>(
        _ name: String, _ value: Value, _ source: String
    ) -> Value {
        resolved.append((name, value.description, source))
        return value
    }
}
