import Foundation
import Host

/// The recipes that come with the program.
package enum EmbeddedRecipes {
    private static var directory: URL? {
        ProgramResources.url(bundled: "weightspace_Training.resources/Recipes", installed: "recipes")
    }

    package static var names: [String] {
        let files = directory.flatMap { try? FileManager.default.contentsOfDirectory(atPath: $0.path) } ?? []
        return files.filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
    }

    /// A recipe by its name, or else a file's contents.
    package static func load(_ nameOrPath: String) throws(RecipeError) -> Data {
        if names.contains(nameOrPath), let directory,
            let data = FileManager.default.contents(
                atPath: directory.appendingPathComponent(nameOrPath + ".json").path)
        {
            return data
        }
        guard let data = FileManager.default.contents(atPath: nameOrPath) else {
            throw RecipeError(
                "'\(nameOrPath)' is neither a file that can be read nor one of \(names.joined(separator: ", "))")
        }
        return data
    }
}
