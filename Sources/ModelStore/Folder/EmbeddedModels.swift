import Foundation
import Host

/// The models that are installed with the program.
package enum EmbeddedModels {
    /// The folders of those that come first, in order: the first of all is the default where a client names none.
    private static let first = ["fashion-mnist"]

    /// The names of folders with those first that are preferred; the others keep their order.
    package static func ordered(_ names: [String]) -> [String] {
        first.filter(names.contains) + names.filter { !first.contains($0) }
    }

    /// The folder that holds their model folders; nil where it is not installed.
    package static func directory() -> URL? {
        ProgramResources.url(bundled: "weightspace_ModelStore.resources/Models", installed: "models")
    }
}
