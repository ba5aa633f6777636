import Foundation
import Networks
import Tensors
import Testing

@testable import SIREN

@Suite("Drawing a SIREN")
struct DrawnFunctionTests {
    @Test("pictures equal PyTorch's")
    func reference() throws {
        let fixtures = try SIRENFixtures.load()
        #expect(fixtures.pictures.map(\.sizes) == [[2, 32, 32, 1], [2, 7, 5, 3]])
        for drawing in fixtures.pictures {
            let picture = try DrawnFunction(drawing.network(), .nfn).picture(
                height: drawing.height, width: drawing.width)
            #expect(picture.height == drawing.height && picture.width == drawing.width)
            #expect(picture.channels == drawing.sizes.last)
            #expect(largestDifference(picture.values, try floats(drawing.picture)) < 2e-5)
            let bytes = try Array(#require(Data(base64Encoded: drawing.bytes)))
            #expect(bytes.count == picture.bytes8.count)
            // A rounding error may cross a step of the scale, but not by more than one.
            #expect(zip(bytes, picture.bytes8).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
            #expect(zip(bytes, picture.bytes8).filter { $0 != $1 }.count <= 2)
        }
    }

    @Test("the first coordinate is the row, from −1 at the top to 1 at the bottom")
    func orientation() throws {
        // A single linear layer: 10 × first + second coordinate.
        let network = try NetworkWeights(spec: NetworkSpec(sizes: [2, 1]), flat: [10, 1, 0])
        let picture = try DrawnFunction(network, .nfn).picture(height: 2, width: 3)
        #expect(picture.values == [-11, -10, -9, 9, 10, 11])
        let dws = try DrawnFunction(network, .dws).picture(height: 2, width: 3)
        #expect(dws.values == [-22, -2, 18, -18, 2, 22])
    }

    @Test("the channels of a pixel lie together")
    func channels() throws {
        let network = try NetworkWeights(spec: NetworkSpec(sizes: [2, 3]), flat: [1, 0, 0, 1, 0, 0, 0, 0, 0.5])
        let picture = try DrawnFunction(network, .nfn).picture(height: 2, width: 2)
        #expect(picture.values == [-1, -1, 0.5, -1, 1, 0.5, 1, -1, 0.5, 1, 1, 0.5])
    }

    @Test("the frequency is the renderer's")
    func frequency() throws {
        let network = try NetworkWeights(spec: NetworkSpec(sizes: [2, 1, 1]), flat: [0, 0, 0.1, 1, 0])
        let picture = try DrawnFunction(network, Notation(.nfn, omega0: 5)).picture(height: 1, width: 1)
        #expect(abs(picture.values[0] - sin(Float(0.5))) < 1e-6)
    }

    @Test("values become bytes by clipping and truncation, NaN and infinities included")
    func bytes() {
        let values: [Float] = [-.infinity, -3, -1, 0, 0.5, 0.99, 1, 7, .infinity, .nan]
        let picture = Picture(height: 1, width: 10, channels: 1, values: values)
        #expect(picture.bytes8 == [0, 0, 0, 127, 191, 253, 255, 255, 255, 0])
    }

    @Test(
        "networks without 2 inputs and 1 or 3 outputs are refused",
        arguments: [
            ([3, 4, 1], PictureError.inputs(3), "a picture needs a network of 2 inputs (its coordinates), received 3"),
            (
                [2, 4, 2], .outputs(2),
                "a picture needs a network of 1 output (grey) or 3 (red, green, blue), received 2"
            ),
        ])
    func unsuitable(sizes: [Int], error: PictureError, detail: String) {
        let network = NetworkWeights.example(spec: NetworkSpec(sizes: sizes), seed: 1)
        #expect(throws: error) { try DrawnFunction(network, .nfn).picture(height: 2, width: 2) }
        #expect(error.detail == detail)
    }

    @Test("a network with convolutions is refused")
    func convolution() {
        let spec = NetworkSpec(sizes: [2, 4, 1], kernels: [[3, 3], []])
        #expect(throws: PictureError.notFullyConnected) {
            try DrawnFunction(.example(spec: spec, seed: 1), .nfn).picture(height: 2, width: 2)
        }
    }

    @Test("sides are limited", arguments: [(0, 4), (4, 0), (-1, 4), (33, 4), (4, 33), (.max, .max)])
    func sizes(height: Int, width: Int) throws {
        let network = NetworkWeights.example(spec: NetworkSpec(sizes: [2, 4, 1]), seed: 1)
        #expect(throws: PictureError.size(height: height, width: width, limit: 32)) {
            try DrawnFunction(network, .nfn).picture(height: height, width: width, sizeLimit: 32)
        }
        #expect(try DrawnFunction(network, .nfn).picture(height: 32, width: 1, sizeLimit: 32).values.count == 32)
    }
}
