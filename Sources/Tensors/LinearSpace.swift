/// `count` evenly spaced points, computed from both ends as `torch.linspace` does.
package func linearSpace(_ first: Float, _ last: Float, _ count: Int) -> [Float] {
    guard count > 1 else { return [first] }
    let step = (last - first) / Float(count - 1)
    return (0..<count).map { index in
        index < count / 2 ? first + step * Float(index) : last - step * Float(count - 1 - index)
    }
}
