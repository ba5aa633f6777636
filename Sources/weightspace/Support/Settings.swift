import ArgumentParser
import Foundation

/// Resolves settings: the command line before the environment (`WEIGHTSPACE_…`) before the default.
struct Settings {
    private let environment: [String: String]
    /// Every setting as it was resolved, for `--print-config`.
    private(set) var resolved: [(name: String, value: String, source: String)] = []

    init(environment: [String: String] = ProcessInfo.processInfo.environment) { self.environment = environment }

    /// `max-queue` is `WEIGHTSPACE_MAX_QUEUE` in the environment.
    static func variable(_ name: String) -> String {
        "WEIGHTSPACE_" + name.uppercased().replacingOccurrences(of: "-", with: "_")
    }

    mutating func value<Value: LosslessStringConvertible>(
        _ name: String, _ flag: Value?, default standard: Value, isValid: (Value) -> Bool = { _ in true },
        expected: String
    ) throws -> Value {
        try optional(name, flag, isValid: isValid, expected: expected) ?? note(name, standard, "default")
    }

    /// - Parameter standIn: what stands for an absent value in the list of settings.
    mutating func optional<Value: LosslessStringConvertible>(
        _ name: String, _ flag: Value?, standIn: String? = nil, isValid: (Value) -> Bool = { _ in true },
        expected: String
    ) throws -> Value? {
        if let flag {
            guard isValid(flag) else { throw ValidationError("--\(name): expected \(expected), received '\(flag)'") }
            return note(name, flag, "command line")
        }
        let variable = Self.variable(name)
        guard let text = environment[variable] else {
            if let standIn { resolved.append((name, standIn, "default")) }
            return nil
        }
        guard let value = Value(text), isValid(value) else {
            throw ValidationError("\(variable): expected \(expected), received '\(text)'")
        }
        return note(name, value, variable)
    }

    /// - Parameter flag: whether it stands on the command line.
    mutating func flag(_ name: String, _ flag: Bool) throws -> Bool {
        try value(name, flag ? true : nil, default: false, expected: "true or false")
    }

    /// Values that may be several: separated by commas in the environment.
    mutating func list(_ name: String, _ values: [String]) throws -> [String] {
        let joined = try optional(
            name, values.isEmpty ? nil : values.joined(separator: ","), standIn: "none", expected: "values")
        return (joined ?? "").split(separator: ",").map(String.init)
    }

    private mutating func note<Value: LosslessStringConvertible>(
        _ name: String, _ value: Value, _ source: String
    ) -> Value {
        resolved.append((name, value.description, source))
        return value
    }
}
