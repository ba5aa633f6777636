import Models

/// A section of a model's configuration.
func settings(_ json: String) throws -> Settings { try Settings(json: Array(json.utf8)) }
