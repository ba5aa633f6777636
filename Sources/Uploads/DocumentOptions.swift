import Tensors
import WeightFormats

extension FileTree {
    /// The members of a document that are options: all but those that hold arrays, as weights do. An array of a few
    /// numbers is passed on, so that an option with a list for a value is refused by its name.
    var options: [String: JSONValue] {
        guard case .dict(let members) = self else { return [:] }
        var options: [String: JSONValue] = [:]
        for member in members where options[member.key] == nil {
            if let value = member.value.option { options[member.key] = value }
        }
        return options
    }

    private static let mostElements = 4

    private var option: JSONValue? {
        switch self {
        case .number(let value): return .number(value)
        case .text(let text): return .string(text)
        case .inert("true"): return .bool(true)
        case .inert("false"): return .bool(false)
        case .inert: return .null
        case .unreadable: return nil
        case .array(let tensor, _):
            guard tensor.rank == 1, tensor.count <= Self.mostElements else { return nil }
            return .array(tensor.values.map { .number(Double($0)) })
        case .list(let elements):
            guard elements.count <= Self.mostElements else { return nil }
            let values = elements.compactMap(\.option)
            return values.count == elements.count ? .array(values) : nil
        case .dict(let members):
            let values = members.compactMap { member in member.value.option.map { JSONMember(member.key, $0) } }
            return values.count == members.count ? .object(values) : nil
        }
    }
}
