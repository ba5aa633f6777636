import Datasets
import HTTPCore
import HTTPTypes
import Networks
import WeightFormats

/// One picture to which a network is to be fitted.
struct FitPicture: Sendable {
    let height: Int
    let width: Int
    /// 1 (grey) or 3 (RGB).
    let channels: Int
    /// (height, width, channels), row-major, in [−1, 1].
    let values: [Float]

    var pixels: Int { height * width }

    /// A picture of a set; one of three equal channels is grey.
    init(_ pictures: PictureSet, _ index: Int) {
        let values = pictures.values(index)
        (height, width) = (pictures.height, pictures.width)
        guard pictures.channels == 3 else {
            (channels, self.values) = (pictures.channels, values)
            return
        }
        let firsts = stride(from: 0, to: values.count, by: 3)
        let isGray = firsts.allSatisfy { (index: Int) -> Bool in
            let value = values[index]
            return value == values[index + 1] && value == values[index + 2]
        }
        channels = isGray ? 1 : 3
        self.values = isGray ? firsts.map { values[$0] } : values
    }
}

/// The pictures and options of a request to `/v1/fit`.
struct FitUpload: Sendable {
    /// In the order of the request; a file that cannot be read is a failure in its place.
    let pictures: [Result<FitPicture, ServiceFault>]
    let options: FitOptions
    /// For metrics: a format of pictures, or `multipart`.
    let format: String
    /// Of the body without its content coding.
    let byteCount: Int
    /// Of all fits: pixels × parameters × steps, where a picture counts for 64 pixels or more.
    let operations: Int

    /// Reads a request's body.
    init(_ request: Request, _ configuration: ServiceConfiguration) throws(ServiceFault) {
        var limits = configuration.formatLimits
        let body = try request.decodedBody(limits)
        byteCount = body.count
        var files = [body]
        var fields: [(String, String)] = []
        var format: String?
        if let boundary = try request.formBoundary.get() {
            (files, fields) = try request.form(body, boundary)
            format = "multipart"
        }
        var pictures: [Result<FitPicture, ServiceFault>] = []
        var values = 0
        var members: [String: JSONValue] = [:]
        for file in files {
            do throws(FormatError) {
                let upload = try PictureUpload(
                    file, limits: limits, maxSide: configuration.maxFitSide, maxValues: configuration.maxFitValues)
                format = format ?? upload.format
                members.merge(upload.options) { first, _ in first }
                let set = upload.pictures
                values += set.count * set.size
                limits.maxInflatedBytes = max(0, limits.maxInflatedBytes - 4 * set.count * set.size)
                guard values <= configuration.maxFitValues,
                    pictures.count + set.count <= configuration.maxNetworks
                else {
                    throw FormatError(
                        .batchTooLarge,
                        "expected at most \(configuration.maxNetworks) pictures of together \(configuration.maxFitValues) values, received \(pictures.count + set.count) of \(values); send them in several requests"
                    )
                }
                for index in 0..<set.count { pictures.append(.success(FitPicture(set, index))) }
            } catch {
                let fault = ServiceFault(error)
                if files.count == 1 || error.code == .batchTooLarge { throw fault }
                pictures.append(.failure(fault))
            }
        }
        options = try FitOptions(query: request.head.target.query, members: members, form: fields)
        self.pictures = pictures
        self.format = format ?? "multipart"
        if options.shared.isStrict || options.output != .json {
            try ServiceFault.throwFirst(of: pictures, noun: "picture")
        }
        operations = try configuration.check(pictures.compactMap { try? $0.get() }, options)
    }
}

extension ServiceConfiguration {
    /// A step's work on the parameters themselves is worth so many pixels.
    private static let leastPixels = 64
    /// What a step costs beside its products is worth so many of them.
    private static let leastStepOperations = 1 << 14
    /// Of all networks together: an answer in JSON has about ten bytes for each.
    private static let mostParameters = 1 << 22

    /// Bounds the time and memory of fits.
    /// - Returns: the operations of all fits.
    /// - Throws: `batch_too_large`, with the product that is too large.
    fileprivate func check(_ pictures: [FitPicture], _ options: FitOptions) throws(ServiceFault) -> Int {
        func tooLarge(_ detail: String) -> ServiceFault {
            ServiceFault(.unprocessableContent, "batch_too_large", "Batch too large", detail)
        }
        var (operations, allParameters) = (0, 0)
        for picture in pictures {
            let spec = NetworkSpec(sizes: options.recipe.sizes(channels: picture.channels))
            let (pixels, parameters) = (picture.pixels, spec.parameterCount)
            let size = "\(pixels) pixels × \(parameters) parameters"
            guard pixels * parameters <= maxFitStepOperations else {
                throw tooLarge(
                    "\(size) make \(pixels * parameters), at most \(maxFitStepOperations) are allowed; choose fewer hidden neurons or layers, or a smaller picture"
                )
            }
            let neurons = spec.sizes.reduce(0, +)
            guard pixels * neurons <= maxFitActivations else {
                throw tooLarge(
                    "\(pixels) pixels × \(neurons) neurons make \(pixels * neurons), at most \(maxFitActivations) are allowed; choose fewer hidden neurons or layers, or a smaller picture"
                )
            }
            allParameters += parameters
            guard allParameters <= Self.mostParameters else {
                throw tooLarge(
                    "\(pictures.count) networks of \(parameters) parameters are more than the \(Self.mostParameters) parameters that are allowed together; choose fewer hidden neurons or layers, or fewer pictures"
                )
            }
            operations +=
                max(max(pixels, Self.leastPixels) * parameters, Self.leastStepOperations) * options.recipe.steps
            guard operations <= maxFitOperations else {
                let all = pictures.count == 1 ? "" : ", of all \(pictures.count) pictures together"
                throw tooLarge(
                    "\(size) × \(options.recipe.steps) steps\(all) make more than the \(maxFitOperations) that are allowed; choose fewer steps, hidden neurons or pictures"
                )
            }
        }
        let channels = Set(pictures.map(\.channels))
        guard options.output == .json || channels.count <= 1 else {
            throw .badRequest(
                "option 'output': a \(options.output.rawValue) file holds networks of one shape, but the pictures are grey and coloured; use json, or send them apart"
            )
        }
        return operations
    }
}
