import WeightFormats

/// Limits of the service, independent of the transport.
package struct ServiceConfiguration: Sendable {
    /// Threads that compute.
    package var threads = 1
    /// The most networks of one request that are computed in one forward pass.
    package var networksPerPass = 16
    /// Requests that may wait.
    package var maxQueue = 64
    /// Bytes of weights of all waiting requests.
    package var maxQueueBytes = 64 << 20
    /// Bytes of a request's body, compressed or not.
    package var maxBodyBytes = 16 << 20
    /// Of either side of a picture that is drawn.
    package var maxPictureSide = 512
    /// Values of all pictures that one request draws.
    package var maxPictureValues = 1 << 22
    /// Operations that drawing them may take: for each pixel one per parameter and sixteen per sine.
    package var maxPictureOperations = 1 << 31
    /// Weights and biases of all networks of a request that an edit makes wider: of two that are blended, and of those
    /// that a model answers with several, whose layers grow with the square of their number.
    package var maxEditedParameters = 1 << 23
    /// Bytes of an answer in JSON with edited networks, to which the next network may add its own once.
    package var maxEditAnswerBytes = 128 << 20
    /// Of either side of a picture to which a network is fitted.
    package var maxFitSide = 128
    /// Values of all pictures of a request to which networks are fitted.
    package var maxFitValues = 1 << 20
    /// The most values of neurons that a fit holds: pixels × neurons of all layers.
    package var maxFitActivations = 1 << 22
    /// Pixels × parameters of a fit, which is the work of one step, for which every other request may have to wait.
    package var maxFitStepOperations = 1 << 26
    /// Pixels × parameters × steps of all fits of a request, where a picture counts for 64 pixels or more.
    package var maxFitOperations = 1 << 34
    /// How long a fit computes before others have their turn.
    package var fitSlice = Duration.milliseconds(2)
    /// Networks of one request.
    package var maxNetworks = 1024
    /// Tensors of all of them together.
    package var maxTensors = 65_536

    package init() {}

    /// Limits for reading uploads.
    package var formatLimits: FormatLimits {
        var limits = FormatLimits()
        limits.maxInflatedBytes = maxBodyBytes
        limits.maxBatchTensors = maxTensors
        limits.maxTreeValues = 2 * maxTensors
        // Checked when stacks are split, where the network that holds the value is known.
        limits.requiresFinite = false
        return limits
    }
}
