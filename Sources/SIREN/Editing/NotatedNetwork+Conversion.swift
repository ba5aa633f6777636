import Networks

extension NotatedNetwork {
    /// The same picture in another notation of the same activation: `NetworkWeights.converted`, where another range or
    /// order of coordinates changes the Fourier features if there are any.
    /// - Throws: as `NetworkWeights.converted` does.
    package func converted(to target: Notation) throws(NetworkError) -> NotatedNetwork {
        var source = self
        if features != nil, notation.isConvertible(to: target) {
            // Coordinates u = k u′ + c of the two ranges, exchanged where the order differs.
            let scale = notation.coordinates.length / target.coordinates.length
            let shift = notation.coordinates.low - scale * target.coordinates.low
            let isSwapped = notation.order != target.order
            do throws(EditError) {
                try source.substituteInputs(
                    isSwapped ? [[0, scale], [scale, 0]] : [[scale, 0], [0, scale]], [shift, shift])
            } catch {
                throw NetworkError(
                    NetworkMismatch(
                        .shapeMismatch, expected: "expected a function of two coordinates", received: error.detail))
            }
            source.notation.coordinates = target.coordinates
            source.notation.order = target.order
        }
        let weights = try source.weights.converted(from: source.notation, to: target)
        return NotatedNetwork(weights, target, features: source.features)
    }
}
