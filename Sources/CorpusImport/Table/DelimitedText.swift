import Datasets

/// Rows of cells in text whose cells are separated by commas, semicolons or tabs (RFC 4180).
enum DelimitedText {
    struct Row: Equatable {
        /// The number of the row's first line, from 1.
        let line: Int
        var cells: [String]
    }

    /// The most bytes of a cell. A longer one is most often a quote that is never closed.
    static let longestCell = 1 << 20

    /// Rows in order, without empty lines. Lines end with LF, CRLF or CR; a byte order mark is passed over. Quotes are only
    /// read at the start of a cell.
    /// - Throws: with the line's number for a zero byte, text that is not UTF-8, a cell beyond `longestCell`, a quote that
    ///   is not closed, and text after a closing quote.
    static func rows(_ bytes: [UInt8], separator: UInt8) throws(DatasetError) -> [Row] {
        var scanner = DelimitedTextScanner(bytes, separator: separator)
        var rows: [Row] = []
        while let row = try scanner.next() {
            if row.cells.count > 1 || row.cells.first?.isEmpty == false { rows.append(row) }
        }
        return rows
    }

    /// The separator of a table by its first line: a tab, a semicolon or a comma, whichever comes up most.
    static func separator(_ bytes: [UInt8]) -> UInt8 {
        let line = bytes.prefix(longestCell).prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        let candidates = [UInt8(ascii: ","), UInt8(ascii: "\t"), UInt8(ascii: ";")]
        let counts = candidates.map { candidate in line.count { $0 == candidate } }
        return candidates[counts.firstIndex(of: counts.max() ?? 0) ?? 0]
    }
}

private struct DelimitedTextScanner {
    private let bytes: [UInt8]
    private let separator: UInt8
    private var position: Int
    private var line = 1

    private static let quote = UInt8(ascii: "\"")
    private static let feed = UInt8(ascii: "\n")
    private static let carriage = UInt8(ascii: "\r")

    init(_ bytes: [UInt8], separator: UInt8) {
        self.bytes = bytes
        self.separator = separator
        position = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
    }

    mutating func next() throws(DatasetError) -> DelimitedText.Row? {
        guard position < bytes.count else { return nil }
        var row = DelimitedText.Row(line: line, cells: [])
        while true {
            row.cells.append(try cell())
            guard position < bytes.count else { return row }
            let byte = bytes[position]
            position += 1
            if byte == separator { continue }
            if byte == Self.carriage, position < bytes.count, bytes[position] == Self.feed { position += 1 }
            line += 1
            return row
        }
    }

    private mutating func cell() throws(DatasetError) -> String {
        if position < bytes.count, bytes[position] == Self.quote { return try quotedCell() }
        let start = position
        while position < bytes.count {
            let byte = bytes[position]
            if byte == separator || byte == Self.feed || byte == Self.carriage { break }
            if byte == 0 { throw zeroByte }
            position += 1
            if position - start > DelimitedText.longestCell { throw tooLong(line) }
        }
        return try text(bytes[start..<position])
    }

    private mutating func quotedCell() throws(DatasetError) -> String {
        let firstLine = line
        position += 1
        var content: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == 0 { throw zeroByte }
            if byte == Self.quote {
                guard position < bytes.count, bytes[position] == Self.quote else {
                    guard
                        position == bytes.count
                            || [separator, Self.feed, Self.carriage].contains(bytes[position])
                    else {
                        throw DatasetError("line \(line): text after the closing quote of a cell; expected a separator")
                    }
                    return try text(content[...])
                }
                position += 1
            } else if byte == Self.feed {
                line += 1
            }
            content.append(byte)
            if content.count > DelimitedText.longestCell { throw tooLong(firstLine) }
        }
        throw DatasetError("line \(firstLine): a quoted cell that is not closed")
    }

    private func text(_ bytes: ArraySlice<UInt8>) throws(DatasetError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw DatasetError("line \(line): text that is not UTF-8")
        }
        let isPadded =
            bytes.first.map { $0 == 0x20 || $0 == 9 } ?? false || bytes.last.map { $0 == 0x20 || $0 == 9 } ?? false
        return isPadded ? trimmed(text) : text
    }

    private var zeroByte: DatasetError {
        DatasetError("line \(line): a zero byte; expected text in UTF-8 (a table in UTF-16 must be saved as UTF-8)")
    }

    private func tooLong(_ line: Int) -> DatasetError {
        DatasetError("line \(line): a cell of more than \(DelimitedText.longestCell) bytes; is a quote left open?")
    }
}

/// Text without spaces and tabs at its ends.
func trimmed(_ text: String) -> String {
    func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }
    return String(text.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
}
