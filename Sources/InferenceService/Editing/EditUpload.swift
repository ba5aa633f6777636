import HTTPCore
import NetworkReading
import Networks
import SIREN
import Uploads
import WeightFormats

/// The networks and options of a request to `/v1/edit`.
struct EditUpload: Sendable {
    /// In the order of the request; a network that cannot be read is a failure in its place.
    let networks: [Result<EditedNetwork, ServiceFault>]
    /// The key of each network in a file that holds several; nil without one.
    let names: [String?]
    let options: EditOptions
    /// Whether one network without an answer fails the request.
    let isStrict: Bool
    /// For metrics: a file format, or `multipart`.
    let format: String
    /// Of the body without its content coding.
    let byteCount: Int

    /// Whether all networks lie in one file, which a file of the answer can then repeat.
    private let isOneFile: Bool

    /// Reads a request's body.
    /// - Parameter flatSpec: the layer sizes of a flat vector of parameters.
    init(
        _ request: Request, _ configuration: ServiceConfiguration, flatSpec: @autoclosure () -> NetworkSpec?
    ) throws(ServiceFault) {
        let (upload, fields) = try request.upload(configuration.formatLimits)
        var members = upload.options
        members["edits"] = upload.steps.map(JSONValue.string) ?? members["edits"]
        options = try EditOptions(query: request.head.target.query, members: members, form: fields)
        let uploaded: UploadedNetworks
        do throws(UploadError) {
            uploaded = try UploadedNetworks(
                upload, options.search, flatSpec: flatSpec(), limit: configuration.maxNetworks,
                tensorLimit: configuration.maxTensors)
        } catch {
            throw ServiceFault(error)
        }
        let claims = options.shared.claims
        networks = uploaded.networks.map { network in
            network.map { EditedNetwork($0, claims) }.mapError(ServiceFault.init)
        }
        let files = uploaded.networks.map { try? $0.get().place?.file }
        isOneFile = files.allSatisfy { $0 == files[0] }
        names = uploaded.names
        isStrict = options.shared.isStrict || !uploaded.isBatch || options.output != .json
        format = upload.format
        byteCount = upload.byteCount
    }

    /// Checks before any step whether the answer can have the form that is asked for.
    /// - Throws: where a picture is too large, or the output holds fewer networks than the request gives.
    func checkAnswer(_ configuration: ServiceConfiguration) throws(ServiceFault) {
        // Two networks become one, as large as both together or larger.
        let results = options.isBlend ? networks.prefix(1) : networks[...]
        if let side = options.side {
            let limit = configuration.maxPictureSide
            guard side <= limit else {
                throw .badRequest("option 'size': expected a whole number from 1 to \(limit), received '\(side)'")
            }
            guard options.output != .png || results.count == 1 else {
                throw .badRequest("output 'png' holds one picture; the request has \(results.count) networks")
            }
            try configuration.checkPictures(
                of: results.compactMap { try? $0.get().network.weights.spec }, pixels: side * side)
        }
        if let file = options.output.file, results.count > 1, !isOneFile {
            throw .badRequest(
                "option 'output': a \(file.rawValue) file takes the networks of one uploaded file; the request has \(results.count) in several: use json, or send them apart"
            )
        }
    }
}

extension Upload {
    /// The steps of the member `edits` of a JSON document, a list of texts or one text, with commas between.
    fileprivate var steps: String? {
        for case .success(let file) in files where file.format == .json {
            guard case .dict(let members) = file.tree, let edits = members.first(where: { $0.key == "edits" })?.value
            else { continue }
            switch edits {
            case .text(let text): return text
            case .list(let elements):
                let texts = elements.compactMap { element in
                    if case .text(let text) = element { text } else { nil }
                }
                return texts.count == elements.count ? texts.joined(separator: ",") : nil
            default: return nil
            }
        }
        return nil
    }
}
