import Engine
import Networks
import NeuralFunctionals
import SIREN
import Tensors
import Testing

@testable import Models

@Suite struct LatentGridTests {
    /// 8 × 8 places, 2 × 2 latents of 2 × 2 pixels of 3 channels.
    private static let encoder =
        #"{"block_type": "nft", "lift": "propagated", "lift_start": "places", "lift_width": 64, "num_blocks": 1, "enc_map_size": 2, "num_heads": 2, "spatial": true, "pool_cls": {"n_latent": 4, "latent_dim": 12, "reads_outputs": true, "start_cells": 2}}"#
    private static let head = #"{"n_classes": 5, "latent_dim": 12, "cells": 2, "channels": [4, 6], "num_blocks": [1]}"#

    private func parameters(_ configuration: String, outputs: Int = 1) throws -> ParameterReader {
        let reader = ParameterReader(drawing: 1)
        _ = try Inr2Array(
            reader.root, Inr2ArrayConfiguration(try settings(configuration)),
            spec: NetworkSpec(sizes: [2, 6, outputs]), image: ImageShape(height: 4, width: 4, channels: outputs))
        return reader
    }

    @Test("a new encoder's latents begin as a convolution over the places", arguments: [1, 2])
    func beginsAsConvolution(outputs: Int) throws {
        let map = try #require(
            try parameters(Self.encoder, outputs: outputs).dictionary["encoder.3.net.1.outputs.weight"])
        #expect(map.shape == [48, 64 * outputs])
        /// The weight from a place to a channel of a pixel of the 4 × 4 pixels that the latents hold.
        func weight(_ y: Int, _ x: Int, _ channel: Int, _ output: Int, _ placeY: Int, _ placeX: Int) -> Float {
            let latent = (y / 2) * 2 + x / 2
            let row = (latent * 4 + (y % 2) * 2 + x % 2) * 3 + channel
            return map.values[row * 64 * outputs + output * 64 + placeY * 8 + placeX]
        }
        for channel in 0..<3 {
            for output in 0..<outputs {
                for (placeY, placeX) in (0..<64).map({ ($0 / 8, $0 % 8) }) {
                    // Filters of 6 × 6 places around the two of pixel (1, 1), at 2 and 3, and of its right neighbour.
                    let isNear = 0...5 ~= placeY && 0...5 ~= placeX
                    #expect((weight(1, 1, channel, output, placeY, placeX) != 0) == isNear)
                    guard isNear else { continue }
                    #expect(
                        weight(1, 1, channel, output, placeY, placeX)
                            == weight(1, 2, channel, output, placeY, placeX + 2))
                }
            }
        }
        #expect(weight(1, 1, 0, 0, 2, 2) != weight(1, 1, 1, 0, 2, 2))
    }

    @Test("a stored encoder's latents are not touched")
    func storedEncoders() throws {
        let drawn = try parameters(Self.encoder).dictionary
        let reader = ParameterReader(drawn)
        _ = try Inr2Array(
            reader.root, Inr2ArrayConfiguration(try settings(Self.encoder)), spec: NetworkSpec(sizes: [2, 6, 1]),
            image: ImageShape(height: 4, width: 4, channels: 1))
        try reader.finish()
        #expect(reader.dictionary == drawn)
    }

    @Test(
        "pixels of latents are for square arrays that begin at places",
        arguments: [
            (#""latent_dim": 12"#, #""latent_dim": 10"#), (#""start_cells": 2"#, #""start_cells": 0"#),
            (#""start_cells": 2"#, #""start_cells": 5"#), (#""reads_outputs": true"#, #""reads_outputs": false"#),
            (#""lift_start": "places""#, #""lift_start": "random""#), (#""spatial": true"#, #""spatial": false"#),
        ])
    func refusedStarts(setting: String, value: String) throws {
        let damaged = Self.encoder.replacing(setting, with: value)
        #expect(damaged != Self.encoder)
        #expect(throws: (any Error).self) { try parameters(damaged) }
    }

    @Test("the classifier of convolutions sees the pixels of latents where the array has them")
    func pixelsOfLatents() throws {
        let configuration = try LatentConvolutionsConfiguration(try settings(Self.head))
        let reader = ParameterReader(drawing: 3)
        let classifier = LatentConvolutions(reader.root, configuration)
        let network = ConvolutionalHead(
            ParameterReader(reader.dictionary).root, inputs: 3, channels: [4, 6], blocks: [1], classes: 5)
        let batch = 2
        // Pixel (y, x), channel c of the 4 × 4 pixels has a value of its own.
        func value(_ item: Int, _ y: Int, _ x: Int, _ c: Int) -> Float {
            Float((item * 48 + (y * 4 + x) * 3 + c) * 37 % 101) / 50 - 1
        }
        let pixels = (0..<batch).flatMap { item in
            (0..<48).map { value(item, $0 / 12, $0 / 3 % 4, $0 % 3) }
        }
        let latents = (0..<batch).flatMap { item in
            (0..<4).flatMap { latent in
                (0..<12).map { index -> Float in
                    let (cell, c) = (index / 3, index % 3)
                    return value(item, latent / 2 * 2 + cell / 2, latent % 2 * 2 + cell % 2, c)
                }
            }
        }
        let builder = PlanBuilder(threads: 1)
        let found = try classifier(
            Matrix(rows: batch * 4, columns: 12, values: latents), batch: batch, in: builder)
        let expected = network(
            PixelRows(matrix: Matrix(rows: batch * 16, columns: 3, values: pixels), height: 4, width: 4), batch: batch,
            in: builder)
        builder.finish(keeping: [found, expected]).run(WorkerPool(threads: 1))
        #expect(found.read() == expected.read())
        #expect(Set(found.read()).count > 5)
    }

    @Test("arrays that the classifier of convolutions does not read are refused")
    func refusedArrays() throws {
        func classifier(_ configuration: String) throws -> LatentConvolutions {
            LatentConvolutions(
                ParameterReader(drawing: 3).root, try LatentConvolutionsConfiguration(try settings(configuration)))
        }
        let head = try classifier(Self.head)
        try head.check(count: 4, width: 12)
        #expect(
            throws: ModelError(
                "the classifier reads square arrays of latents of 12, the encoder makes 6 of 12")
        ) { try head.check(count: 6, width: 12) }
        #expect(throws: ModelError.self) { try head.check(count: 4, width: 8) }
        let deep = try classifier(
            Self.head.replacing("[4, 6]", with: "[4, 4, 4, 4]").replacing("[1]", with: "[0, 0, 0]"))
        #expect(
            throws: ModelError("channels: 3 stages halve 4 × 4 pixels of latents to nothing; use fewer stages")
        ) { try deep.check(count: 4, width: 12) }
        #expect(throws: SettingError.self) { try classifier(Self.head.replacing(#""cells": 2"#, with: #""cells": 5"#)) }
        #expect(throws: SettingError.self) { try classifier(Self.head.replacing("[1]", with: "[1, 1]")) }
    }
}
