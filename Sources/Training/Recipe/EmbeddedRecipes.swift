import Foundation
import Host

/// The recipes that are installed with the program.
package enum EmbeddedRecipes {
    private static var directory: URL? {
        ProgramResources.url(bundled: "weightspace_Training.resources/Recipes", installed: "recipes")
    }

    /// Their names, sorted: the file names without `.json`. Empty where the folder of recipes is not installed.
    package static var names: [String] {
        let files = directory.flatMap { try? FileManager.default.contentsOfDirectory(atPath: $0.path) } ?? []
        return files.filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
    }

    /// The JSON of an embedded recipe or, where none has that name, of the file at that path.
    /// - Throws: `RecipeError` where there is neither.
    package static func load(_ nameOrPath: String) throws(RecipeError) -> Data {
        if names.contains(nameOrPath), let directory,
            let data = FileManager.default.contents(
                atPath: directory.appendingPathComponent(nameOrPath + ".json").path)
        {
            return data
        }
        guard let data = FileManager.default.contents(atPath: nameOrPath) else {
            throw RecipeError(
                "'\(nameOrPath)' is neither a readable file nor an embedded recipe: \(names.joined(separator: ", "))")
        }
        return data
    }
}
