import ArgumentParser
import Foundation
import Host
import InferenceService

/// The program: one subcommand for everything it does.
@main
struct Weightspace: ParsableCommand {
    static let build = BuildInfo(version: "0.1.0", commit: BuildFacts.commit, swift: BuildFacts.swift)

    static let configuration = CommandConfiguration(
        commandName: "weightspace",
        abstract: "Reads neural networks: classifies, encodes and draws the weights of INRs.",
        version: build.version,
        subcommands: [
            ServeCommand.self, ClassifyCommand.self, EncodeCommand.self, RenderCommand.self, InspectCommand.self,
            VerifyCommand.self, ModelsCommand.self, FitCommand.self, TrainCommand.self, EvaluateCommand.self,
            BenchCommand.self, KeyCommand.self, HealthCommand.self,
        ])

    /// Exits 0 when all went well, 1 where some input failed, 2 where the command line was wrong.
    static func main() {
        OpenBLASKernels.preferAVX512()
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            let code = exitCode(for: error)
            let message = fullMessage(for: error)
            if code == .success {
                print(message)
            } else if !message.isEmpty {
                Terminal.complain(message)
            }
            Foundation.exit(code == .success ? 0 : code == .validationFailure ? 2 : 1)
        }
    }
}

/// What the build can tell of itself.
enum BuildFacts {
    /// The commit that was built, where whoever started the program says so in its environment.
    static var commit: String { ProcessInfo.processInfo.environment["WEIGHTSPACE_COMMIT"] ?? "unknown" }

    /// The compiler.
    static var swift: String {
        #if compiler(>=6.4)
            "6.4 or later"
        #elseif compiler(>=6.3)
            "6.3"
        #else
            "6.2"
        #endif
    }
}
