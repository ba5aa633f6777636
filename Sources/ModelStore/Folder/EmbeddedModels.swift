import Foundation
import Host

/// The models that come with the program.
package enum EmbeddedModels {
    /// Where their folder is.
    package static func directory() -> URL? {
        ProgramResources.url(bundled: "weightspace_ModelStore.resources/Models", installed: "models")
    }
}
