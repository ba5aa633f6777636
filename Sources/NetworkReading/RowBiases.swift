import Networks
import Tensors

// Biases that are rows or columns of a matrix, as x @ W + b with b of shape (1, outputs) has them.
extension LayerPair {
    /// The pair with a bias of shape [1, n] or [n, 1] as [n], and one of a stack, [N, 1, n] or [N, n, 1], as [N, n], where
    /// the weight has n outputs in either order of axes; unchanged otherwise.
    var withFlatBias: LayerPair {
        guard let bias else { return self }
        let (shape, weightShape) = (bias.tensor.shape, weight.tensor.shape)
        let stack: [Int]
        switch (shape.count, weightShape.count) {
        case (2, 2), (2, 4): stack = []
        case (3, 3),
            (3, 5) where shape[0] == weightShape[0]:
            stack = [shape[0]]
        default: return self
        }
        let (row, axes) = (shape.dropFirst(stack.count), weightShape.dropFirst(stack.count))
        guard row.contains(1), let count = row.max(), axes.first == count || axes.last == count else { return self }
        let flat = NamedTensor(
            name: bias.name, tensor: bias.tensor.reshaped(stack + [count]), elementType: bias.elementType)
        return LayerPair(weight: weight, bias: flat, biasName: biasName)
    }
}
