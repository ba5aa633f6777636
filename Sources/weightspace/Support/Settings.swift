import ArgumentParser
import Foundation

/// Resolves settings: a flag on the command line overrides the environment variable `WEIGHTSPACE_…`, which overrides the
/// default. An empty variable counts as unset.
struct Settings {
    private static let prefix = "WEIGHTSPACE_"
    /// Variables that are read elsewhere: by `BuildFacts`, and when the package is built.
    private static let others: Set = ["WEIGHTSPACE_COMMIT", "WEIGHTSPACE_STRICT", "WEIGHTSPACE_FUZZ"]

    private let environment: [String: String]
    /// The variables of all settings that were resolved.
    private var variables: Set<String> = []
    /// Every setting with its value and where that comes from, for `--print-config`.
    private(set) var resolved: [(name: String, value: String, source: String)] = []

    init(environment: [String: String] = ProcessInfo.processInfo.environment) { self.environment = environment }

    /// `max-queue` is `WEIGHTSPACE_MAX_QUEUE` in the environment.
    static func variable(_ name: String) -> String {
        prefix + name.uppercased().replacingOccurrences(of: "-", with: "_")
    }

    mutating func value<Value: LosslessStringConvertible>(
        _ name: String, _ flag: Value?, default standard: Value, isValid: (Value) -> Bool = { _ in true },
        expected: String
    ) throws -> Value {
        try optional(name, flag, isValid: isValid, expected: expected) ?? note(name, standard, "default")
    }

    /// - Parameter standIn: what `--print-config` shows where there is no value.
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

    /// - Parameter flag: whether it was given on the command line.
    mutating func flag(_ name: String, _ flag: Bool) throws -> Bool {
        try value(name, flag ? true : nil, default: false, expected: "true or false")
    }

    /// A setting with several values, which the environment separates by commas.
    mutating func list(_ name: String, _ values: [String], standIn: String = "none") throws -> [String] {
        let joined = try optional(
            name, values.isEmpty ? nil : values.joined(separator: ","), standIn: standIn, expected: "values")
        // A value of the command line may itself contain a comma.
        return values.isEmpty ? (joined ?? "").split(separator: ",").map(String.init) : values
    }

    /// One line for every variable `WEIGHTSPACE_…` that is set and that no setting has, with the nearest name of one.
    /// Call it when all settings are resolved.
    var unknownVariables: [String] {
        environment.filter { variable, value in
            variable.hasPrefix(Self.prefix) && !value.isEmpty && !variables.contains(variable)
                && !Self.others.contains(variable) && !Self.isServiceLink(variable)
        }.keys.sorted().map { variable in
            let nearest = variables.map { (name: $0, distance: Self.distance($0, variable)) }
                .min { ($0.distance, $0.name) < ($1.distance, $1.name) }
            // At most a third of its letters may differ.
            guard let nearest, 3 * nearest.distance <= variable.count - Self.prefix.count else {
                return "\(variable) is no setting"
            }
            return "\(variable) is no setting; is \(nearest.name) meant?"
        }
    }

    /// Kubernetes describes a Service named `weightspace` in such variables.
    private static func isServiceLink(_ variable: String) -> Bool {
        ["WEIGHTSPACE_SERVICE_", "WEIGHTSPACE_PORT_"].contains { variable.hasPrefix($0) }
    }

    /// Levenshtein distance.
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
