/// `count` evenly spaced points from `first` to `last`, both included, with the rounding of `torch.linspace`: each is
/// computed from the nearer end, so that points between −x and x mirror each other exactly. One point is `first`.
package func linearSpace(_ first: Float, _ last: Float, _ count: Int) -> [Float] {
    guard count > 1 else { return [first] }
    let step = (last - first) / Float(count - 1)
    return (0..<count).map { index in
        index < count / 2 ? first + step * Float(index) : last - step * Float(count - 1 - index)
    }
}
