import Foundation
import NeuralFunctionals

/// The members of a recipe's section: each is known, and each number is within bounds, or the error says which is not.
struct StrictMembers<Key: CodingKey & CaseIterable> {
    private let values: KeyedDecodingContainer<Key>

    init(_ decoder: any Decoder) throws {
        values = try decoder.container(keyedBy: Key.self)
        try refuseUnknownMembers(of: decoder, known: Key.allCases.map(\.stringValue))
    }

    func required<Value: Decodable>(_ key: Key) throws -> Value { try values.decode(Value.self, forKey: key) }
    func optional<Value: Decodable>(_ key: Key) throws -> Value? { try values.decodeIfPresent(Value.self, forKey: key) }

    func number<Number: RecipeNumber>(_ key: Key, _ standard: Number?, in bounds: ClosedRange<Double>) throws -> Number
    {
        let found = try values.decodeIfPresent(Double.self, forKey: key)
        guard let number = found ?? standard?.double else {
            throw DecodingError.keyNotFound(
                key, DecodingError.Context(codingPath: values.codingPath, debugDescription: "missing"))
        }
        guard bounds.contains(number), let result = Number(recipe: number) else {
            throw DecodingError.dataCorruptedError(
                forKey: key, in: values,
                debugDescription:
                    "expected \(Number.kind) from \(bounds.lowerBound) to \(bounds.upperBound), received \(number)")
        }
        return result
    }
}

/// A number that a recipe may hold.
protocol RecipeNumber {
    static var kind: String { get }
    var double: Double { get }
    init?(recipe: Double)
}

extension Int: RecipeNumber {
    static var kind: String { "a whole number" }
    var double: Double { Double(self) }
    init?(recipe: Double) { self.init(exactly: recipe) }
}

extension Float: RecipeNumber {
    static var kind: String { "a number" }
    var double: Double { Double(self) }
    init?(recipe: Double) { self.init(recipe) }
}

extension Double: RecipeNumber {
    static var kind: String { "a number" }
    var double: Double { self }
    init?(recipe: Double) { self = recipe }
}
