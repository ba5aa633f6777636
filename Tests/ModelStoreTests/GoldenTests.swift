import Engine
import Foundation
import NeuralFunctionals
import Tensors
import Testing
import Verification

@Suite struct GoldenTests {
    private func verify(_ contents: StateDict, threads: Int = 1) throws -> [OutputComparison] {
        try Verification.run(try GoldenFile(contents), pool: WorkerPool(threads: threads))
    }

    private func rejection(_ contents: StateDict) -> String {
        do {
            _ = try verify(contents)
            return ""
        } catch {
            return String(describing: error)
        }
    }

    @Test("the golden files are here")
    func filesAreHere() {
        #expect(Fixture.goldenNames.count == 72)
    }

    @Test("a layer or model agrees with PyTorch", arguments: Fixture.goldenNames)
    func agrees(name: String) throws {
        let contents = try Fixture.stateDict("golden/" + name)
        let comparisons = try verify(contents)
        let expected = contents.names.filter { $0.hasPrefix("output") || $0 == "latent" || $0.hasPrefix("grad.") }
        #expect(expected.contains { $0.hasPrefix("grad.") })
        #expect(Set(comparisons.map(\.name)) == Set(expected))
        for comparison in comparisons {
            #expect(comparison.agrees, "\(comparison)")
            #expect(comparison.largestError.isFinite)
            // Decoded sine networks magnify rounding until PyTorch's own runs differ; nothing else may need the allowance.
            let isGradient = comparison.name.hasPrefix("grad.")
            let comesFromPicture = name.hasPrefix("inr2array") && (isGradient || comparison.name == "output")
            #expect(comesFromPicture || comparison.roundingFloor == nil, "\(comparison)")
            #expect(
                comparison.largestError < (isGradient ? comesFromPicture ? 0.5 : 1e-4 : comesFromPicture ? 1e-3 : 5e-6),
                "\(comparison)")
        }
    }

    @Test(
        "one wrong element of an output disagrees",
        arguments: [
            "np_linear_mlp", "nft_block_mlp2", "stat_featurizer_mlp", "classify_np_io", "latent_classifier",
            "sequential_mixed_mlp",
        ])
    func wrongOutputsDisagree(name: String) throws {
        let contents = try Fixture.stateDict("golden/\(name).safetensors")
        for output in contents.names where output == "output" || output.hasPrefix("output.") {
            let damaged = try contents.changing(output, at: contents[output].map { $0.count / 2 } ?? 0) {
                $0 + 1e-2 * max(1, abs($0))
            }
            let comparisons = try verify(damaged)
            #expect(comparisons.filter { !$0.agrees }.map(\.name) == [output])
        }
    }

    @Test("an output that is no number disagrees")
    func notANumberDisagrees() throws {
        let contents = try Fixture.stateDict("golden/pointwise_mlp2.safetensors")
        let comparisons = try verify(contents.changing("output.bias.0") { _ in .nan })
        #expect(comparisons.filter { !$0.agrees }.map(\.name) == ["output.bias.0"])
    }

    @Test("a module that computes what is no number disagrees, however it rounds")
    func overflowDisagrees() throws {
        let contents = try Fixture.stateDict("golden/pointwise_mlp2.safetensors")
        let comparisons = try verify(contents.changing("param.weight_maps.0.weight") { _ in 3e38 })
        let wrong = try #require(comparisons.first { $0.name == "output.weight.0" })
        #expect(!wrong.largestError.isFinite && !wrong.agrees)
    }

    @Test("results do not depend on the number of threads")
    func threadsDoNotMatter() throws {
        let contents = try Fixture.stateDict("golden/nft_block_cnn.safetensors")
        #expect(try verify(contents, threads: 3) == verify(contents, threads: 1))
    }

    @Test("a parameter that is missing, renamed, misshapen or no number is named")
    func damagedParametersAreNamed() throws {
        let contents = try Fixture.stateDict("golden/pointwise_mlp2.safetensors")
        let name = "weight_maps.0.bias"
        #expect(rejection(contents.removing("param." + name)).contains("missing parameter '\(name)'"))
        let renamed = rejection(contents.renaming { $0 == "param." + name ? "param.other" : $0 })
        #expect(renamed.contains("missing parameter '\(name)'"))
        #expect(renamed.contains("unexpected parameter 'other'"))
        let infinite = rejection(try contents.changing("param." + name) { _ in .infinity })
        #expect(infinite.contains("'\(name)': element 0 is inf"))
        var misshapen = contents
        misshapen.set(NamedTensor(name: "param." + name, tensor: Tensor(zeros: [1, 1])))
        #expect(rejection(misshapen).contains("'\(name)': expected shape"))
    }

    @Test("what is no golden file is refused with the reason")
    func otherFilesAreRefused() throws {
        let contents = try Fixture.stateDict("golden/pointwise_mlp2.safetensors")
        var bare = contents
        bare.metadata = [:]
        #expect(rejection(bare).contains("no 'config'"))
        #expect(rejection(try contents.configured { _ in "{" }).contains("'config' cannot be read"))
        #expect(rejection(try contents.configured { _ in "{}" }).contains("'model' is missing"))
        #expect(
            rejection(try contents.configured { $0.replacing("Pointwise", with: "Teapot") })
                .contains("unknown layer 'Teapot'"))
        #expect(
            rejection(try contents.configured { $0.replacing("\"layer\"", with: "\"model\"") })
                .contains("unknown model 'Pointwise'"))
        let inputless = contents.renaming { $0.hasPrefix("input") ? "grad." + $0 : $0 }
        #expect(rejection(inputless) == "the file has no 'input'")
        let outputless = contents.renaming { $0.hasPrefix("output") ? "grad." + $0 : $0 }
        #expect(rejection(outputless) == "the file has no 'output'")
        #expect(rejection(contents.removing("input.bias.1")) == "'input.bias.1' is missing")
        #expect(
            rejection(contents.renaming { $0 == "output.bias.0" ? "output.bias.9" : $0 })
                .contains("no output 'output.bias.9'"))
    }

    @Test("inputs of another shape are refused with both shapes")
    func wrongInputsAreRefused() throws {
        let contents = try Fixture.stateDict("golden/pointwise_mlp2.safetensors")
        var misshapen = contents
        misshapen.set(NamedTensor(name: "input.bias.0", tensor: Tensor(zeros: [1, 1, 1])))
        #expect(rejection(misshapen).contains("'input.bias.0': expected shape"))

        let channels = try #require(contents["input.weight.0"]).shape[1]
        var wider = contents
        for entry in contents.entries where entry.name.hasPrefix("input.") {
            var shape = entry.tensor.shape
            shape[1] += 1
            wider.set(NamedTensor(name: entry.name, tensor: Tensor(zeros: shape)))
        }
        #expect(rejection(wider) == "'input': expected \(channels) channels, received \(channels + 1)")

        var plain = StateDict(contents.entries.filter { !$0.name.hasPrefix("input") })
        plain.metadata = contents.metadata
        plain.set(NamedTensor(name: "input", tensor: Tensor(zeros: [2, 3])))
        #expect(rejection(plain).contains("received 'input'"))

        var decoder = try Fixture.stateDict("golden/cross_attn_decoder_mlp2.safetensors")
        decoder.set(NamedTensor(name: "input", tensor: Tensor(zeros: [2, 3, 999])))
        #expect(rejection(decoder).contains("received shape [2, 3, 999]"))
        decoder.set(NamedTensor(name: "input", tensor: Tensor(zeros: [4])))
        #expect(rejection(decoder).contains("received shape [4]"))
    }

    @Test(
        "sizes that no network has are refused, not tried",
        arguments: [
            (#""num_heads": \d+"#, #""num_heads": 0"#), (#""num_heads": \d+"#, #""num_heads": 1000"#),
            (#""channels": \d+"#, #""channels": -4"#), (#""channels": \d+"#, #""channels": 9000000000000000000"#),
            (#""sizes": \[[^\]]*\]"#, #""sizes": []"#), (#""sizes": \[[^\]]*\]"#, #""sizes": [2, 0, 1]"#),
            (#""sizes": \[[^\]]*\]"#, #""sizes": [2, 9000000000000000000, 1]"#),
            (#""share_projections": false"#, #""share_projections": true"#),
            (#""filters": \[\["#, #""filters": [[0, "#), (#""filters": \[\["#, #""filters": [[3000000000, "#),
        ])
    func badSizesAreRefused(pattern: String, replacement: String) throws {
        let contents = try Fixture.stateDict("golden/np_attention_cnn.safetensors")
        let damaged = try contents.configured { config in
            config.replacingOccurrences(of: pattern, with: replacement, options: .regularExpression)
        }
        #expect(damaged.metadata != contents.metadata)
        #expect(rejection(damaged) != "")
    }
}
