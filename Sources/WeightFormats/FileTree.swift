import Tensors

/// The content of a file as its library nested it: arrays and scalars in dicts and lists.
///
/// Readers of formats produce it; which of its arrays are a network's layers is decided in `NetworkReading`.
package indirect enum FileTree: Sendable {
    /// An array of numbers, of any rank.
    case array(Tensor, ElementType)
    /// An array or scalar that cannot be read as float32, such as text or an integer beyond ±2²⁴: an error only if it
    /// turns out to be a part of the network.
    case unreadable(FormatError)
    /// A Python or JSON number that is no array.
    case number(Double)
    case text(String)
    /// Members in file order; keys that are numbers are written in decimal.
    case dict([Member])
    /// The elements of a list, tuple or set.
    case list([FileTree])
    /// A value without arrays, by its kind: `None`, `bool`, `torch.Size`, `torch.device`.
    case inert(String)

    /// A member of a dict.
    package struct Member: Sendable {
        package let key: String
        package let value: FileTree

        package init(key: String, value: FileTree) {
            self.key = key
            self.value = value
        }
    }
}
