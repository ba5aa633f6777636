/// What a model can be asked.
package enum Operation: String, Sendable, CaseIterable {
    case classify
    case encode
    case reconstruct
    case predict
}
