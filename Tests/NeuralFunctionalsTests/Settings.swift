import Foundation

/// A configuration as a model folder writes it.
func settings<Configuration: Decodable>(_ json: String) throws -> Configuration {
    try JSONDecoder().decode(Configuration.self, from: Data(json.utf8))
}
