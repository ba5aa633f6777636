import Datasets
import Foundation
import Host
import Networks
import WeightFormats

/// Networks in the rows of a NumPy matrix, read by parts.
struct RowSource: Sendable {
    let path: String
    let matrix: NPYMatrix
    let spec: NetworkSpec
    /// The element of a row for each parameter, in the order w0, b0, w1, …; nil where the rows have that order.
    let order: [Int]?

    /// - Returns: nil where the file is no NumPy matrix with as many columns as `spec` has parameters.
    init?(path: String, spec: NetworkSpec, order: [Int]? = nil) {
        guard let matrix = Self.matrix(path), matrix.columns == spec.parameterCount else { return nil }
        (self.path, self.matrix, self.spec, self.order) = (path, matrix, spec, order)
    }

    /// The extents of a NumPy matrix; nil where the file is none.
    static func matrix(_ path: String) -> NPYMatrix? {
        guard let file = try? FileHandle(forReadingFrom: URL(fileURLWithPath: path)) else { return nil }
        defer { try? file.close() }
        guard let start = try? file.read(upToCount: NPYMatrix.longestHeader) else { return nil }
        return NPYMatrix(start: [UInt8](start))
    }

    /// The parameters of rows, each in the order w0, b0, w1, ….
    /// - Throws: where the file cannot be read or ends before them.
    func read(_ rows: Range<Int>) throws(DatasetError) -> [[Float]] {
        let values: [Float]
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? file.close() }
            try file.seek(toOffset: UInt64(matrix.dataOffset + rows.lowerBound * matrix.rowBytes))
            let wanted = rows.count * matrix.rowBytes
            let bytes = [UInt8](try file.read(upToCount: wanted) ?? Data())
            guard bytes.count == wanted else {
                throw DatasetError("'\(path)' ends within row \(rows.lowerBound + bytes.count / matrix.rowBytes)")
            }
            values = try matrix.decode(bytes)
        } catch let error as DatasetError {
            throw error
        } catch let error as FormatError {
            throw DatasetError("'\(path)': \(error.detail)")
        } catch {
            throw DatasetError(FileError(.read, path, error).description)
        }
        return (0..<rows.count).map { row in
            let own = values[row * matrix.columns..<(row + 1) * matrix.columns]
            guard let order else { return Array(own) }
            return order.map { own[own.startIndex + $0] }
        }
    }
}
