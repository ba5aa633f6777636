import ArgumentParser
import Foundation
import Host
import InferenceService
import Logging
import Models

/// The command `weightspace` with its subcommands.
@main
struct Weightspace: ParsableCommand {
    static let build = BuildInfo(version: "0.1.0", commit: BuildFacts.commit, swift: BuildFacts.swift)

    static let configuration = CommandConfiguration(
        commandName: "weightspace",
        abstract:
            "Reads the weights of neural networks: classifies, encodes and draws implicit neural representations, predicts the accuracy of CNNs.",
        version: build.version,
        subcommands: [
            ServeCommand.self, ClassifyCommand.self, PredictCommand.self, EncodeCommand.self, DecodeCommand.self,
            RenderCommand.self, EditCommand.self, InspectCommand.self,
            VerifyCommand.self, CheckCommand.self, ModelsCommand.self, FitCommand.self, ZooCommand.self,
            ImportCommand.self, TrainCommand.self, EvaluateCommand.self,
            BenchCommand.self, KeyCommand.self, HealthCommand.self,
        ])

    /// Exits with 0 on success, 1 where some input failed, and 2 where the command line or the environment is not
    /// valid.
    static func main() {
        OpenBLASKernels.restartIfSlow()
        var running: (any ParsableCommand.Type)?
        do {
            try checkCommand(Array(CommandLine.arguments.dropFirst()))
            var command = try parseAsRoot()
            running = type(of: command)
            try command.run()
        } catch {
            let error: any Error = error.isFromFoundation ? CommandFailure(reason(error)) : error
            let code = exitCode(for: error)
            let message = running.flatMap { usageError(error, of: $0) } ?? fullMessage(for: error)
            if code == .success {
                print(message)
            } else if !message.isEmpty {
                complain(error, message)
            }
            Foundation.exit(code == .success ? 0 : code == .validationFailure ? 2 : 1)
        }
    }
}

extension Weightspace {
    /// Refuses a first argument that is neither a command nor an option; the parser would call all of them unexpected.
    private static func checkCommand(_ arguments: [String]) throws {
        let name = arguments.first == "help" ? arguments.dropFirst().first : arguments.first
        guard let name, !name.hasPrefix("-"), name != "help" else { return }
        let known = configuration.subcommands.map { $0._commandName }
        guard !known.contains(name) else { return }
        let nearest = nearestName(to: name, among: known).map { "did you mean '\($0)'?" }
        throw ValidationError(
            "unknown command '\(name)'; \(nearest ?? "expected one of \(known.joined(separator: ", "))")")
    }

    /// What a command says of its command line after parsing, with the command's usage; nil for other errors. The parser
    /// would add the usage of the whole program instead.
    private static func usageError(_ error: any Error, of command: any ParsableCommand.Type) -> String? {
        guard let error = error as? ValidationError, let words = words(calling: command, below: self) else {
            return nil
        }
        return """
            Error: \(error.message)
            Usage: \(usageString(for: command))
              See '\(words.joined(separator: " ")) --help' for more information.
            """
    }

    /// The words that call a command, from the program's name on.
    private static func words(
        calling command: any ParsableCommand.Type, below parent: any ParsableCommand.Type
    ) -> [String]? {
        guard parent != command else { return [parent._commandName] }
        return parent.configuration.subcommands.lazy.compactMap { words(calling: command, below: $0) }.first
            .map { [parent._commandName] + $0 }
    }

    /// Writes an error with its usage text or, where `serve` logs as JSON, as a line of the log.
    private static func complain(_ error: any Error, _ message: String) {
        switch LogFormat.requested(arguments: Array(CommandLine.arguments.dropFirst())) {
        case .text: Terminal.complain(message)
        case .json:
            let line = LogFormat.json.line(.critical, "stopped", ["reason": "\(Self.message(for: error))"])
            LogSink.standardError.write(line)
            LogSink.standardError.close()
        }
    }
}

/// The commit and the compiler of the build.
enum BuildFacts {
    /// The value of the environment variable `WEIGHTSPACE_COMMIT` when the program runs; `unknown` where it is unset or empty.
    static var commit: String {
        let commit = ProcessInfo.processInfo.environment["WEIGHTSPACE_COMMIT"] ?? ""
        return commit.isEmpty ? "unknown" : commit
    }

    /// The version of the Swift compiler.
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
