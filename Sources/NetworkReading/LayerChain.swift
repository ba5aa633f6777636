import Networks
import Tensors

/// The order of a weight's axes in a file.
enum WeightOrder {
    /// (outputs, inputs[, height, width]), as PyTorch stores them.
    case outputsFirst
    /// ([height, width,] inputs, outputs), as Flax and Haiku store them.
    case inputsFirst

    /// The layer of a weight of that shape; nil unless it has 2 or 4 axes, all of them above 0.
    func layer(_ shape: [Int]) -> LayerShape? {
        guard shape.count == 2 || shape.count == 4, shape.allSatisfy({ $0 > 0 }) else { return nil }
        switch self {
        case .outputsFirst:
            return LayerShape(outputs: shape[0], inputs: shape[1], kernel: Array(shape.dropFirst(2)))
        case .inputsFirst:
            let kernel = Array(shape.dropLast(2))
            return LayerShape(outputs: shape[shape.count - 1], inputs: shape[shape.count - 2], kernel: kernel)
        }
    }

    /// The shape of a layer's weight in this order.
    func shape(_ layer: LayerShape) -> [Int] {
        switch self {
        case .outputsFirst: layer.weightShape
        case .inputsFirst: layer.kernel + [layer.inputs, layer.outputs]
        }
    }
}

/// The names and shapes of one layer's tensors.
struct ChainLink {
    let weightName: String
    let weightShape: [Int]
    let biasName: String
    /// Nil where the file has no bias for the layer.
    let biasShape: [Int]?
}

/// The layers of a file in order, with every shape that does not fit its neighbours or the model.
///
/// A boundary is a layer of neurons between two layers of weights. Its width is stated by up to three tensors: the
/// weight and the bias before it and the weight after it. The chain settles each width and reports the tensors that
/// disagree.
struct LayerChain {
    let links: [ChainLink]
    let order: WeightOrder
    /// The networks that are stacked along a leading axis; nil for a single network.
    let batch: Batch?
    /// The networks that the model reads; nil where it reads another depth, which is reported elsewhere.
    private let expectation: NetworkExpectation?
    private let shapes: [LayerShape?]
    /// The settled widths, the network's inputs first; nil where no tensor states one.
    private(set) var sizes: [Int?] = []

    /// The number of stacked networks, and the tensor that it is taken from.
    struct Batch {
        let count: Int
        let source: String
    }

    init(_ links: [ChainLink], order: WeightOrder, batch: Batch? = nil, expectation: NetworkExpectation? = nil) {
        self.links = links
        self.order = order
        self.batch = batch
        self.expectation = expectation?.depth == links.count ? expectation : nil
        shapes = links.map { order.layer(Array($0.weightShape.dropFirst(batch == nil ? 0 : 1))) }
        sizes = (0...links.count).map(width)
    }

    /// Every tensor that does not fit, in the order of layers.
    var mismatches: [NetworkMismatch] {
        links.indices.flatMap { index in
            [weightMismatch(index), biasMismatch(index)].compactMap(\.self)
        }
    }

    /// The width of a boundary: 0 is the network's input, n the output of its nth layer. What the model demands comes
    /// first; else two tensors that agree, or the first that states a width.
    private func width(_ boundary: Int) -> Int? {
        if let fixed = expectation?.width(boundary) { return fixed }
        guard boundary > 0 else { return shapes.first.flatMap(\.?.inputs) }
        let outputs = shapes[boundary - 1]?.outputs
        let biases = biasCount(boundary - 1)
        let inputs = boundary < links.count ? shapes[boundary]?.inputs : nil
        if let biases, biases == inputs { return biases }
        return outputs ?? biases ?? inputs
    }

    private func biasCount(_ index: Int) -> Int? {
        guard let shape = links[index].biasShape?.dropFirst(batch == nil ? 0 : 1), shape.count == 1 else { return nil }
        return shape.first
    }

    private func weightMismatch(_ index: Int) -> NetworkMismatch? {
        let link = links[index]
        let shape = shapes[index]
        guard let outputs = sizes[index + 1], let inputs = sizes[index] ?? shape?.inputs,
            let kernel = expectation?.spec.layers[index].kernel ?? shape?.kernel
        else {
            return NetworkMismatch(
                .shapeMismatch, tensor: link.weightName, expected: axesText, received: "\(link.weightShape)")
        }
        let wanted = stacked(order.shape(LayerShape(outputs: outputs, inputs: inputs, kernel: kernel)))
        guard link.weightShape != wanted else { return widthExcess(index, outputs) }
        var reasons: [String] = []
        if shape?.outputs != outputs { reasons.append(outputsReason(index, outputs)) }
        if shape?.inputs != inputs { reasons.append(inputsReason(index, inputs)) }
        if reasons.isEmpty, let batch, link.weightShape.first != batch.count { reasons.append(batchReason(batch)) }
        if reasons.isEmpty, let expectation { reasons.append(expectation.reason) }
        return NetworkMismatch(
            .shapeMismatch, tensor: link.weightName, expected: "\(wanted)", reason: joined(reasons),
            received: "\(link.weightShape)")
    }

    private func biasMismatch(_ index: Int) -> NetworkMismatch? {
        let link = links[index]
        guard let outputs = sizes[index + 1] else { return nil }
        let wanted = stacked([outputs])
        guard let received = link.biasShape else {
            return NetworkMismatch(
                .missingTensor, tensor: link.biasName, expected: "\(wanted)",
                reason: "the bias of \(NetworkMismatch.quoted(link.weightName))", received: "nothing")
        }
        guard received != wanted else { return nil }
        let agreesWithWeight = shapes[index]?.outputs == outputs
        let next = index + 1 < links.count && shapes[index + 1]?.inputs == outputs ? links[index + 1] : nil
        var reason = expectation?.reason
        if biasCount(index) == outputs, let batch {
            reason = batchReason(batch)
        } else if agreesWithWeight {
            reason = "\(counted(outputs, "output")) of \(NetworkMismatch.quoted(link.weightName))"
        } else if let next {
            reason = "\(counted(outputs, "input")) of \(NetworkMismatch.quoted(next.weightName))"
        }
        return NetworkMismatch(
            .shapeMismatch, tensor: link.biasName, expected: "\(wanted)", reason: reason, received: "\(received)")
    }

    /// The mismatch of a hidden layer that fits its neighbours but is wider than the model's limit.
    private func widthExcess(_ index: Int, _ outputs: Int) -> NetworkMismatch? {
        guard let limit = expectation?.widthLimit, index < links.count - 1, outputs > limit else { return nil }
        return NetworkMismatch(
            .shapeMismatch, tensor: links[index].weightName, expected: "at most \(counted(limit, "hidden neuron"))",
            received: "\(outputs)")
    }

    private func outputsReason(_ index: Int, _ outputs: Int) -> String {
        if biasCount(index) == outputs { return follows(outputs, "output", from: links[index].biasName) }
        if index + 1 < links.count, shapes[index + 1]?.inputs == outputs {
            return follows(outputs, "output", from: links[index + 1].weightName)
        }
        return expectation?.reason ?? counted(outputs, "output")
    }

    private func inputsReason(_ index: Int, _ inputs: Int) -> String {
        guard index > 0 else { return expectation?.reason ?? counted(inputs, "input") }
        if biasCount(index - 1) == inputs { return follows(inputs, "input", from: links[index - 1].biasName) }
        if shapes[index - 1]?.outputs == inputs { return follows(inputs, "input", from: links[index - 1].weightName) }
        return expectation?.reason ?? counted(inputs, "input")
    }

    private func follows(_ count: Int, _ noun: String, from name: String) -> String {
        "\(counted(count, noun)) follow\(count == 1 ? "s" : "") from \(NetworkMismatch.quoted(name))"
    }

    private func batchReason(_ batch: Batch) -> String {
        "a batch of \(batch.count) follows from \(NetworkMismatch.quoted(batch.source))"
    }

    private func stacked(_ shape: [Int]) -> [Int] { (batch.map { [$0.count] } ?? []) + shape }

    private func joined(_ reasons: [String]) -> String? {
        var seen: Set<String> = []
        let distinct = reasons.filter { seen.insert($0).inserted }
        return distinct.isEmpty ? nil : distinct.joined(separator: ", ")
    }

    private var axesText: String {
        let stack = batch == nil ? "" : "batch, "
        return switch order {
        case .outputsFirst: "axes (\(stack)outputs, inputs) or (\(stack)outputs, inputs, height, width)"
        case .inputsFirst: "axes (\(stack)inputs, outputs) or (\(stack)height, width, inputs, outputs)"
        }
    }
}

/// "1 layer", "3 layers".
func counted(_ count: Int, _ noun: String) -> String { count == 1 ? "1 \(noun)" : "\(count) \(noun)s" }
