import InferenceService
import WeightFormats

/// Code that reads what strangers send, and what must hold for any bytes at all.
package enum FuzzTarget: String, CaseIterable, Sendable {
    case safetensors
    case npy
    case zip
    case torch
    case json
    case coding
    case multipart
    case picture
    case manifest
    case upload
    case service
    case parser = "http-parser"
    case connection = "http-connection"

    /// A promise that does not hold.
    package struct Violation: Error, CustomStringConvertible {
        package let description: String

        init(_ description: String) { self.description = description }
    }

    /// The service's own limits, at a sixteenth: of a body, also inflated, of its networks, and of all their tensors.
    static let bounds: ServiceConfiguration = {
        var configuration = ServiceConfiguration()
        configuration.maxBodyBytes = 1 << 20
        configuration.maxNetworks = 64
        configuration.maxTensors = 4096
        return configuration
    }()

    /// The limits for uploads of such a service.
    static let formatLimits = bounds.formatLimits

    /// The most memory that reading a body may take.
    package static let mostBytes = 4 * bounds.maxBodyBytes
    /// The most processor time that an input may take.
    package static let longestSeconds = 1.0

    /// Reads the bytes. Refusing them is as good as reading them.
    /// - Returns: whether they were read.
    /// - Throws: `Violation`.
    @discardableResult
    package func check(_ bytes: [UInt8]) throws -> Bool {
        switch self {
        case .safetensors: try FileTargets.safetensors(bytes)
        case .npy: try FileTargets.npy(bytes)
        case .zip: try FileTargets.zip(bytes)
        case .torch: try FileTargets.torch(bytes)
        case .json: try FileTargets.json(bytes)
        case .coding: try FileTargets.coding(bytes)
        case .multipart: try FileTargets.multipart(bytes)
        case .picture: try FileTargets.picture(bytes)
        case .manifest: try FileTargets.manifest(bytes)
        case .upload: try UploadTarget.check(bytes)
        case .service: try ServiceTarget.check(bytes)
        case .parser: try ParserTarget.check(bytes)
        case .connection: try ConnectionTarget.check(bytes)
        }
    }
}

/// - Throws: a violation with that text unless the promise holds.
func require(_ holds: Bool, _ promise: @autoclosure () -> String) throws {
    if !holds { throw FuzzTarget.Violation(promise()) }
}
