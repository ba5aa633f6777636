import Engine
import Networks
import Tensors

extension NotatedNetwork {
    /// One network that computes a weighted sum of several networks' outputs, in the notation of the first: y = Σ cₙ yₙ.
    ///
    /// The first layers are stacked, W = (W₁; W₂; …), so that all networks read the same coordinates. The layers after them
    /// are block-diagonal, W = diag(W₁, W₂, …), so that they compute side by side. The last layers lie side by side, each
    /// times its network's weight, W = (c₁ W₁, c₂ W₂, …) and b = Σ cₙ bₙ. Different Fourier features are stacked like a
    /// layer.
    /// - Parameters:
    ///   - networks: at least one, of equal depth, activation and number of outputs.
    ///   - coefficients: one for each network; with values that are not symmetric about 0 they must add up to 1 to weigh
    ///     pictures.
    ///   - parameterLimit: the most weights and biases of the sum. Block-diagonal layers have as many as the product of
    ///     the networks' summed widths, which is not bounded by the number of the networks' own.
    /// - Throws: where the networks do not have these in common, and `tooLarge` beyond the limit, before anything of that
    ///   size is allocated.
    package static func weightedSum(
        _ networks: [NotatedNetwork], coefficients: [Double], parameterLimit: Int = .max
    ) throws(EditError) -> NotatedNetwork {
        guard let first = networks.first, networks.count == coefficients.count else {
            throw EditError("a sum needs at least one network and a weight for each")
        }
        var own: [NotatedNetwork] = []
        for (index, network) in networks.enumerated() {
            try first.checkSummable(with: network, index)
            do throws(NetworkError) {
                own.append(try network.converted(to: first.notation))
            } catch {
                throw EditError("blend: network \(index) in the notation of network 0: \(error.detail)")
            }
        }
        let inputs = CombinedInputs(own.map(\.features), of: own[0].weights.spec.inputs)
        let count = parameterCount(ofSum: own, inputs: inputs.count)
        guard let count, count <= parameterLimit else {
            let summaries = own.prefix(4).map(\.weights.spec.summary).joined(separator: ", ")
            throw EditError(
                "networks of \(summaries)\(own.count > 4 ? ", …" : "") as one have \(count.map(String.init) ?? "more than \(Int.max)") weights and biases, allowed are \(parameterLimit); choose narrower networks",
                code: .tooLarge)
        }
        var layers: [NetworkLayer] = []
        let depth = first.weights.layers.count
        for index in 0..<depth {
            let parts = own.map(\.weights.layers[index])
            let isLast = index == depth - 1
            var matrix = BlockMatrix(
                rows: isLast ? parts[0].bias.count : parts.reduce(0) { $0 + $1.bias.count },
                columns: index == 0 ? inputs.count : parts.reduce(0) { $0 + $1.weight.shape[1] })
            var bias = [Double](repeating: 0, count: matrix.rows)
            var (row, column) = (0, 0)
            for (network, part) in parts.enumerated() {
                let columns = index == 0 ? inputs.columns[network] : Array(column..<column + part.weight.shape[1])
                let factor = isLast ? coefficients[network] : 1
                matrix.add(part.weight, row: row, columns: columns, factor: factor)
                for (output, value) in part.bias.values.enumerated() { bias[row + output] += factor * Double(value) }
                if !isLast { row += part.bias.count }
                column += part.weight.shape[1]
            }
            layers.append(
                NetworkLayer(
                    weightName: first.weights.layers[index].weightName, weight: matrix.tensor,
                    biasName: first.weights.layers[index].biasName,
                    bias: Tensor(shape: [bias.count], values: bias.map { Float($0) })))
        }
        let sum = NotatedNetwork(NetworkWeights(layers: layers), first.notation, features: inputs.features)
        try sum.checkFinite()
        return sum
    }

    /// One network that computes the mean of the outputs of networks of one shape and notation, as many times as wide.
    /// - Parameters:
    ///   - networks: at least one; all of one shape, in one notation and without Fourier features.
    ///   - parameterLimit: as for `weightedSum`.
    package static func mean(
        _ networks: [NotatedNetwork], parameterLimit: Int = .max
    ) throws(EditError) -> NotatedNetwork {
        if networks.count == 1 { return networks[0] }
        let share = 1 / Double(networks.count)
        return try weightedSum(
            networks, coefficients: networks.map { _ in share }, parameterLimit: parameterLimit)
    }

    /// The weights and biases of a sum of networks of equal depth; nil where there are more than `Int` holds.
    /// - Parameter inputs: of the first layer.
    private static func parameterCount(ofSum networks: [NotatedNetwork], inputs: Int) -> Int? {
        var total = 0
        let depth = networks.first?.weights.layers.count ?? 0
        for index in 0..<depth {
            let parts = networks.map(\.weights.layers[index])
            let rows = index == depth - 1 ? parts[0].bias.count : parts.reduce(0) { $0 + $1.bias.count }
            let columns = index == 0 ? inputs : parts.reduce(0) { $0 + $1.weight.shape[1] }
            // Each row has its weights and a bias.
            let layer = rows.multipliedReportingOverflow(by: columns + 1)
            let sum = total.addingReportingOverflow(layer.partialValue)
            guard !layer.overflow, !sum.overflow else { return nil }
            total = sum.partialValue
        }
        return total
    }

    private func checkSummable(with other: NotatedNetwork, _ index: Int) throws(EditError) {
        func refuse(_ what: String, _ own: String, _ others: String) -> EditError {
            EditError(
                "blend: networks need \(what) to become one; network 0 has \(own), network \(index) has \(others)")
        }
        let (spec, its) = (weights.spec, other.weights.spec)
        guard spec.isFullyConnected, its.isFullyConnected else {
            throw EditError("blend: only fully connected networks become one; received one with convolutions")
        }
        guard spec.depth == its.depth else { throw refuse("equal depth", spec.summary, its.summary) }
        guard spec.outputs == its.outputs else { throw refuse("as many outputs", spec.summary, its.summary) }
        guard notation.activation == other.notation.activation else {
            throw refuse("the same activation", notation.activation.rawValue, other.notation.activation.rawValue)
        }
        guard (features == nil) == (other.features == nil) else {
            func text(_ network: NotatedNetwork) -> String { network.features == nil ? "none" : "Fourier features" }
            throw refuse("Fourier features both or neither", text(self), text(other))
        }
        guard features != nil || spec.inputs == its.inputs else {
            throw refuse("as many inputs", spec.summary, its.summary)
        }
    }
}

/// The inputs of several first layers that become one layer.
private struct CombinedInputs {
    /// Inputs of the layer.
    let count: Int
    /// For each network, the inputs of the layer that are its own, in its order.
    let columns: [[Int]]
    /// Nil where the coordinates are the inputs.
    let features: FourierFeatures?

    /// - Parameters:
    ///   - all: of every network, all nil or none; equal ones are shared, others stacked.
    ///   - inputs: of a network without features.
    init(_ all: [FourierFeatures?], of inputs: Int) {
        let known = all.compactMap(\.self)
        guard let first = known.first, known.contains(where: { $0 != first }) else {
            let inputs = known.first.map { 2 * $0.frequencies } ?? inputs
            count = inputs
            columns = all.map { _ in Array(0..<inputs) }
            features = known.first
            return
        }
        let stacked = FourierFeatures(
            matrix: known.flatMap { own in
                let factor = Double(own.scale) / Double(first.scale)
                return own.matrix.map { Float(Double($0) * factor) }
            }, coordinates: 2, scale: first.scale, startsWithSines: first.startsWithSines)
        var start = 0
        var columns: [[Int]] = []
        for own in known {
            var places = [Int](repeating: 0, count: 2 * own.frequencies)
            for frequency in 0..<own.frequencies {
                let (from, to) = (own.columns(of: frequency), stacked.columns(of: start + frequency))
                (places[from.sine], places[from.cosine]) = (to.sine, to.cosine)
            }
            columns.append(places)
            start += own.frequencies
        }
        count = 2 * stacked.frequencies
        self.columns = columns
        features = stacked
    }
}

/// A matrix that is put together from others.
private struct BlockMatrix {
    let rows: Int
    let columns: Int
    private var values: [Float]

    init(rows: Int, columns: Int) {
        (self.rows, self.columns) = (rows, columns)
        values = [Float](repeating: 0, count: rows * columns)
    }

    /// Adds factor · block from a row on, each of its columns at the place that `columns` gives.
    mutating func add(_ block: Tensor, row: Int, columns places: [Int], factor: Double) {
        for line in 0..<block.shape[0] {
            for (column, place) in places.enumerated() {
                let value = factor * Double(block.values[line * places.count + column])
                let index = (row + line) * columns + place
                values[index] = Float(Double(values[index]) + value)
            }
        }
    }

    var tensor: Tensor { Tensor(shape: [rows, columns], values: values) }
}
