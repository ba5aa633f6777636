import Foundation
import Host
import Tensors
import WeightFormats

extension PictureSet {
    /// Reads pictures from an IDX file, a `.npy` array, or a PGM or PPM picture, each optionally compressed with gzip;
    /// or from a folder of PGM and PPM files of one size, in natural order of their names.
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

    /// Reads pictures from the uncompressed content of an IDX, NumPy, PGM or PPM file.
    /// - Throws: where the content is of another format or not as expected.
    package init(bytes: [UInt8]) throws(DatasetError) {
        if PNMFile.matches(bytes) {
            let map = try PNMFile(bytes)
            self.init(height: map.height, width: map.width, channels: map.channels, bytes: Array(map.bytes))
            return
        }
        if IDXFile.matches(bytes) {
            self = try IDXFile(bytes).pictures()
            return
        }
        guard bytes.starts(with: [0x93] + "NUMPY".utf8) else {
            throw DatasetError("expected an IDX, NumPy (.npy), PGM or PPM file; the content is neither")
        }
        do {
            self = try Self.stack(try WeightFile.read(bytes, limits: .checkpoint).stateDict())
        } catch let error as FormatError {
            throw DatasetError(error.detail)
        } catch let error as DatasetError {
            throw error
        } catch {
            throw DatasetError("\(error)")
        }
    }

    /// The pictures of a NumPy array; see `init(contentsOf:)`.
    private static func stack(_ contents: StateDict) throws(DatasetError) -> PictureSet {
        guard let entry = contents.entries.first, (3...4).contains(entry.tensor.rank), entry.tensor.count > 0 else {
            throw DatasetError(
                "expected an array (n, height, width) or (n, height, width, channels), received \(contents.entries.first?.tensor.shape ?? [])"
            )
        }
        let shape = entry.tensor.shape
        let channels = shape.count == 4 ? shape[3] : 1
        guard channels == 1 || channels == 3 else {
            throw DatasetError("expected 1 or 3 channels, received \(channels)")
        }
        let bounds: ClosedRange<Float> = entry.elementType.isFloatingPoint ? -1...1 : 0...255
        if let wrong = entry.tensor.values.first(where: { !bounds.contains($0) }) {
            throw DatasetError(
                "expected \(entry.elementType.rawValue) values from \(bounds.lowerBound) to \(bounds.upperBound), received \(wrong)"
            )
        }
        let values = entry.tensor.values
        return PictureSet(
            height: shape[1], width: shape[2], channels: channels,
            floats: entry.elementType.isFloatingPoint ? values : values.map { 2 * $0 / 255 - 1 })
    }

    /// The pictures of a folder's PGM and PPM files, which must have one size; other files are ignored.
    private static func folder(_ path: String, _ names: [String]) throws(DatasetError) -> PictureSet {
        var extents: [Int]?
        var bytes: [UInt8] = []
        for name in names.sorted(by: naturallyPrecedes) where name.hasSuffix(".pgm") || name.hasSuffix(".ppm") {
            do throws(DatasetError) {
                let map = try PNMFile(try readContent(path + "/" + name))
                let own = [map.height, map.width, map.channels]
                if let extents, extents != own {
                    throw DatasetError(
                        "expected \(extents) (height, width, channels) as in the files before, received \(own)")
                }
                extents = own
                bytes += map.bytes
            } catch {
                throw error.within(path + "/" + name)
            }
        }
        guard let extents else { throw DatasetError("'\(path)': no .pgm or .ppm file in the folder") }
        return PictureSet(height: extents[0], width: extents[1], channels: extents[2], bytes: bytes)
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
