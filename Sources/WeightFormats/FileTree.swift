import Tensors

/// The content of a file as its library nested it: arrays and scalars in dicts and lists.
///
/// Readers of formats produce it; which of its arrays are a network's layers is decided in `NetworkReading`.
package indirect enum FileTree: Sendable, Equatable {
    /// An array of numbers, of any rank. Lists of Python or JSON numbers are arrays of float32.
    case array(Tensor, ElementType)
    /// An array or scalar that cannot be read as float32, such as text or an integer beyond ±2²⁴: an error only if it
    /// turns out to be a part of the network.
    case unreadable(FormatError)
    /// A number that is in no array, such as Python's, JSON's or a scalar of NumPy.
    case number(Double)
    case text(String)
    /// Members in file order, with unique keys; keys that are numbers are written in decimal, and those that are tuples
    /// with dots between their parts.
    case dict([Member])
    /// The elements of a list, tuple or set.
    case list([FileTree])
    /// A value without arrays, by its kind, such as `None`, `torch.Size` or `torch.device`; `true` and `false` are
    /// booleans, and `null` is JSON's.
    case inert(String)

    /// A member of a dict.
    package struct Member: Sendable, Equatable {
        package let key: String
        package let value: FileTree

        package init(key: String, value: FileTree) {
            self.key = key
            self.value = value
        }
    }

    /// A number as a key: in decimal, without a fraction where it is whole.
    static func text(of number: Double) -> String {
        Int(exactly: number).map { String($0) } ?? String(number)
    }
}
