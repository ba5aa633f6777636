import Foundation
import Host
import Tensors
import WeightFormats

extension PictureSet {
    /// Reads pictures from an IDX file, a `.npy` array, or a PNG, PGM or PPM picture, each optionally compressed with
    /// gzip; or from a folder of PNG, PGM and PPM files of one size, in natural order of their names.
    ///
    /// A `.npy` array has the shape (n, height, width) or (n, height, width, channels), with integers from 0 to 255 or
    /// floats from −1 to 1.
    /// - Throws: an error that names the file which cannot be read or is not as expected.
    package init(contentsOf path: String) throws(DatasetError) {
        if let names = try? FileManager.default.contentsOfDirectory(atPath: path) {
            self = try Self.folder(path, names)
            return
        }
        do throws(DatasetError) {
            try self.init(bytes: try readContent(path))
        } catch {
            throw error.within(path)
        }
    }

    /// Reads pictures from the uncompressed content of an IDX, NumPy, PNG, PGM or PPM file.
    /// - Throws: where the content is of another format or not as expected.
    package init(bytes: [UInt8]) throws(DatasetError) {
        if IDXFile.matches(bytes) {
            self = try IDXFile(bytes).pictures()
        } else if let picture = try PictureSet(single: bytes, maxSide: 4096) {
            self = picture
        } else {
            guard bytes.starts(with: [0x93] + "NUMPY".utf8) else {
                throw DatasetError("expected an IDX, NumPy (.npy), PNG, PGM or PPM file; the content is none of them")
            }
            do throws(FormatError) {
                let entry = try WeightFile.read(bytes, limits: .checkpoint).stateDict().entries.first
                guard let entry, (3...4).contains(entry.tensor.rank) else {
                    throw FormatError(
                        .malformed,
                        "expected an array (n, height, width) or (n, height, width, channels), received \(entry?.tensor.shape ?? [])"
                    )
                }
                self = try Self.stack(entry.tensor, holdsBytes: !entry.elementType.isFloatingPoint)
            } catch {
                throw DatasetError(error.detail)
            }
        }
    }

    /// Reads a PNG, PGM or PPM picture; nil where the content begins like none of them.
    init?(single bytes: [UInt8], maxSide: Int) throws(DatasetError) {
        if PNMFile.matches(bytes) {
            try self.init(pnm: bytes)
        } else if PNGReader.matches(bytes) {
            do throws(FormatError) {
                try self.init(png: bytes, maxSide: maxSide)
            } catch {
                throw DatasetError(error.detail)
            }
        } else {
            return nil
        }
    }

    init(pnm bytes: [UInt8]) throws(DatasetError) {
        let map = try PNMFile(bytes)
        self.init(height: map.height, width: map.width, channels: map.channels, bytes: Array(map.bytes))
    }

    /// - Parameter maxSide: the most rows and columns.
    init(png bytes: [UInt8], maxSide: Int) throws(FormatError) {
        let picture = try PNGReader.read(bytes, maxSide: maxSide)
        self.init(
            height: picture.height, width: picture.width, channels: picture.channels,
            floats: picture.values.map { 2 * $0 / 255 - 1 })
    }

    /// The pictures of an array (n, height, width) or (n, height, width, channels).
    /// - Parameter holdsBytes: whether the values are from 0 to 255, and not from −1 to 1.
    static func stack(_ tensor: Tensor, holdsBytes: Bool) throws(FormatError) -> PictureSet {
        let shape = tensor.shape
        let channels = shape.count == 4 ? shape[3] : 1
        guard channels == 1 || channels == 3, tensor.count > 0 else {
            throw FormatError(.shapeMismatch, "expected pictures of 1 or 3 channels, received the shape \(shape)")
        }
        let bounds: ClosedRange<Float> = holdsBytes ? 0...255 : -1...1
        if let wrong = tensor.values.first(where: { !bounds.contains($0) }) {
            throw FormatError(
                .malformed,
                "expected \(holdsBytes ? "whole numbers" : "numbers") from \(Int(bounds.lowerBound)) to \(Int(bounds.upperBound)), received \(wrong)"
            )
        }
        return PictureSet(
            height: shape[1], width: shape[2], channels: channels,
            floats: holdsBytes ? tensor.values.map { 2 * $0 / 255 - 1 } : tensor.values)
    }

    /// The pictures of a folder's PNG, PGM and PPM files, which must have one size; other files are ignored.
    private static func folder(_ path: String, _ names: [String]) throws(DatasetError) -> PictureSet {
        var extents: [Int]?
        var floats: [Float] = []
        let suffixes = [".png", ".pgm", ".ppm"]
        for name in names.sorted(by: naturallyPrecedes) where suffixes.contains(where: { name.hasSuffix($0) }) {
            do throws(DatasetError) {
                guard let map = try PictureSet(single: try readContent(path + "/" + name), maxSide: 4096) else {
                    throw DatasetError("expected a PNG, or a binary PGM or PPM file (P5 or P6)")
                }
                let own = [map.height, map.width, map.channels]
                if let extents, extents != own {
                    throw DatasetError(
                        "expected \(extents) (height, width, channels) as in the files before, received \(own)")
                }
                extents = own
                floats += map.values(0)
            } catch {
                throw error.within(path + "/" + name)
            }
        }
        guard let extents else { throw DatasetError("'\(path)': no .png, .pgm or .ppm file in the folder") }
        return PictureSet(height: extents[0], width: extents[1], channels: extents[2], floats: floats)
    }
}

/// Reads labels, from 0 to 255, from an IDX file of one axis, optionally compressed with gzip.
/// - Throws: an error that names the file, where it cannot be read or is another file.
package func readLabels(_ path: String) throws(DatasetError) -> [Int] {
    do throws(DatasetError) {
        return try readLabels(try readContent(path))
    } catch {
        throw error.within(path)
    }
}

/// Reads labels from the uncompressed content of an IDX file of one axis.
package func readLabels(_ bytes: [UInt8]) throws(DatasetError) -> [Int] { try IDXFile(bytes).labels() }

/// A file's content, decompressed if it is a gzip file.
private func readContent(_ path: String) throws(DatasetError) -> [UInt8] {
    do {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        guard bytes.starts(with: [0x1f, 0x8b]) else { return bytes }
        return try CompressedStream.gzip.decode(bytes, limits: .checkpoint)
    } catch let error as FormatError {
        throw DatasetError(error.detail)
    } catch {
        throw DatasetError(FileError.reason(error))
    }
}
