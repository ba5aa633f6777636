import Foundation
import Host

/// The models that are installed with the program.
package enum EmbeddedModels {
    /// The folder that holds their model folders; nil where it is not installed.
    package static func directory() -> URL? {
        ProgramResources.url(bundled: "weightspace_ModelStore.resources/Models", installed: "models")
    }
}
