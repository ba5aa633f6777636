import InferenceService
import WeightFormats

/// Code that reads untrusted input, with the properties that must hold for any bytes.
package enum FuzzTarget: String, CaseIterable, Sendable {
    case safetensors
    case npy
    case zip
    case torch
    case pickle
    case json
    case coding
    case multipart
    case picture
    case png
    case manifest
    case upload
    case service
    case parser = "http-parser"
    case connection = "http-connection"

    /// A property that does not hold.
    package struct Violation: Error, CustomStringConvertible {
        package let description: String

        init(_ description: String) { self.description = description }
    }

    /// The service's limits, divided by 16: bytes of a body (also after inflation), networks, tensors.
    static let bounds: ServiceConfiguration = {
        var configuration = ServiceConfiguration()
        configuration.maxBodyBytes = 1 << 20
        configuration.maxNetworks = 64
        configuration.maxTensors = 4096
        configuration.maxFitSide = 32
        configuration.maxFitValues = 1 << 14
        configuration.maxFitActivations = 1 << 16
        configuration.maxFitStepOperations = 1 << 16
        configuration.maxFitOperations = 1 << 22
        return configuration
    }()

    /// The upload limits that follow from `bounds`.
    static let formatLimits = bounds.formatLimits

    /// The most memory, in bytes, that one input may take.
    package static let mostBytes = 4 * bounds.maxBodyBytes
    /// The most processor time, in seconds, that one input may take.
    package static let longestSeconds = 1.0

    /// Reads the bytes or refuses them.
    /// - Returns: whether they were read.
    /// - Throws: `Violation` where a property does not hold.
    @discardableResult
    package func check(_ bytes: [UInt8]) throws -> Bool {
        switch self {
        case .safetensors: try FileTargets.safetensors(bytes)
        case .npy: try FileTargets.npy(bytes)
        case .zip: try FileTargets.zip(bytes)
        case .torch: try FileTargets.torch(bytes)
        case .pickle: try FileTargets.pickle(bytes)
        case .json: try FileTargets.json(bytes)
        case .coding: try FileTargets.coding(bytes)
        case .multipart: try FileTargets.multipart(bytes)
        case .picture: try FileTargets.picture(bytes)
        case .png: try FileTargets.png(bytes)
        case .manifest: try FileTargets.manifest(bytes)
        case .upload: try UploadTarget.check(bytes)
        case .service: try ServiceTarget.check(bytes)
        case .parser: try ParserTarget.check(bytes)
        case .connection: try ConnectionTarget.check(bytes)
        }
    }
}

/// - Throws: `Violation` with that text unless the property holds.
func require(_ holds: Bool, _ promise: @autoclosure () -> String) throws {
    if !holds { throw FuzzTarget.Violation(promise()) }
}
