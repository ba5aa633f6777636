import Networks
import Tensors
import WeightFormats

/// Where the arrays of a network, or of a stack of networks, are in a file's tree, and in which form, so that other
/// weights can be written in their place: under the file's own names, with its order of axes and its element types.
///
/// A reparametrised or normalised weight has no place of its own: `tree` holds the plain weight in place of its parts.
package struct NetworkPlacement: Sendable {
    /// In the whole file.
    private let whole: Site
    /// In the outermost member that holds this network and no other, which is the whole file where it is the only one;
    /// of a stack, in a tree of its own arrays and of the numbers and texts beside them.
    private let alone: Site
    /// The names of plain weights that stand in the place of other arrays.
    package let replaced: [String]
    /// The paths of arrays beside the network that cannot be read, and so not be written either; at most 16.
    package let unreadable: [String]

    init(whole: Site, alone: Site, replaced: [String], unreadable: [String]) {
        (self.whole, self.alone) = (whole, alone)
        (self.replaced, self.unreadable) = (replaced, unreadable)
    }

    /// The whole tree of the file, which its networks share; without the options of a document.
    package var tree: FileTree { whole.tree }

    /// Whether the arrays have a leading axis of networks.
    package var isStack: Bool { whole.isStack }

    /// Whether a changed matrix of Fourier features can be written: it belongs to this network alone.
    package var hasFeatures: Bool { alone.features != nil }

    /// The member of the file that holds this network alone, with other weights and without an axis of networks.
    package func alone(_ content: Content) -> FileTree {
        var part = alone.tree
        alone.put([content], isStack: false, into: &part)
        return part
    }

    /// Writes networks in their place in the whole tree.
    /// - Parameter contents: all networks of the stack, or the only network.
    package func write(_ contents: [Content], into tree: inout FileTree) {
        whole.put(contents, isStack: whole.isStack, into: &tree)
    }

    /// Why a number or a text beside the layers cannot be changed.
    package enum Obstacle: Sendable, Hashable {
        /// It is outside of the member that was read, and may be said of other networks; or it is a part of a list or a
        /// text.
        case isShared
        /// It is an array, which holds numbers only.
        case isArray
    }

    /// The first by path of the numbers and texts that cannot be changed to what they are to say; nil where all can.
    package func obstacle(to remarks: [String: Remark]) -> (path: String, why: Obstacle)? {
        for (path, value) in remarks.sorted(by: { $0.key < $1.key }) {
            guard let place = whole.remarks[path] else { return (path, .isShared) }
            if case .array? = whole.tree[place[...]] {
                guard case .number = value else { return (path, .isArray) }
            }
        }
        return nil
    }

    enum Form: Sendable {
        /// Weight and bias of every layer, in the order of layers.
        case layers([(weight: [Int], bias: [Int])], order: WeightOrder)
        /// One array of all parameters.
        case flat([Int], layout: FlatLayout)
    }

    struct MatrixPlace: Sendable {
        let place: [Int]
        /// Whether the file has (2, frequencies).
        let isTransposed: Bool
    }

    /// The arrays of a network in a tree.
    struct Site: Sendable {
        let tree: FileTree
        let form: Form
        /// Whether the arrays have a leading axis of networks.
        let isStack: Bool
        /// The matrix of Fourier features; nil where there is none in the tree.
        let features: MatrixPlace?
        /// Numbers and texts beside the layers, by their paths.
        let remarks: [String: [Int]]
    }

    /// A number or a text beside the layers.
    package enum Remark: Sendable, Hashable {
        case number(Double)
        case text(String)
        /// `None`.
        case nothing
    }

    /// What is written of one network.
    package struct Content: Sendable {
        /// The layers, of any sizes.
        package let weights: NetworkWeights
        /// B, (frequencies, 2), row-major; nil where it stays as it is.
        package let matrix: [Float]?
        /// What numbers and texts beside the layers say now, by their paths; nil where they say nothing.
        package let remarks: [String: Remark]

        /// Weights with what belongs to them.
        package init(_ weights: NetworkWeights, matrix: [Float]? = nil, remarks: [String: Remark] = [:]) {
            self.weights = weights
            self.matrix = matrix
            self.remarks = remarks
        }
    }
}

extension NetworkPlacement.Site {
    /// - Parameter isStack: whether the arrays get an axis of networks.
    fileprivate func put(_ contents: [NetworkPlacement.Content], isStack: Bool, into tree: inout FileTree) {
        guard let first = contents.first else { return }
        func set(_ place: [Int], _ tensors: [Tensor]) {
            tree.replace(place[...]) { old in
                guard case .array(let before, let type) = old else { return old }
                return .array(Self.shaped(tensors, like: before, isStack: isStack, wasStack: self.isStack), type)
            }
        }
        switch form {
        case .layers(let places, let order):
            for (index, place) in places.enumerated() {
                let layers = contents.map(\.weights.layers[index])
                set(place.weight, layers.map { order == .inputsFirst ? $0.weight.outputsLast : $0.weight })
                set(place.bias, layers.map(\.bias))
            }
        case .flat(let place, let layout):
            set(
                place,
                contents.map {
                    let values = $0.weights.flattened(in: layout)
                    return Tensor(shape: [values.count], values: values)
                })
        }
        if let features, let matrix = first.matrix {
            let count = matrix.count / 2
            let values = (0..<2 * count).map {
                features.isTransposed ? matrix[$0 % count * 2 + $0 / count] : matrix[$0]
            }
            tree.replace(features.place[...]) { old in
                guard case .array(_, let type) = old else { return old }
                return .array(Tensor(shape: features.isTransposed ? [2, count] : [count, 2], values: values), type)
            }
        }
        for (path, value) in first.remarks {
            // What lies outside of the tree is not written.
            guard let place = remarks[path] else { continue }
            tree.replace(place[...]) { old in
                switch (old, value) {
                case (.array(let tensor, let type), .number(let number)):
                    .array(Tensor(shape: tensor.shape, values: tensor.values.map { _ in Float(number) }), type)
                // An array stays one: a module expects it.
                case (.array, _): old
                case (_, .number(let number)): .number(number)
                case (_, .text(let text)): .text(text)
                case (_, .nothing): .inert("None")
                }
            }
        }
    }

    /// Tensors as one array: stacked where they are, and with the axes of the old array where it holds as many elements.
    private static func shaped(_ tensors: [Tensor], like old: Tensor, isStack: Bool, wasStack: Bool) -> Tensor {
        guard let first = tensors.first else { return old }
        let own = wasStack ? Array(old.shape.dropFirst()) : old.shape
        // A weight without rows, and a vector with axes of extent 1, keep their form.
        let shape = own.reduce(1, *) == first.count ? own : own.count == 1 ? [first.count] : first.shape
        guard isStack else { return first.reshaped(shape) }
        return Tensor(shape: [tensors.count] + shape, values: tensors.flatMap(\.values))
    }
}
