import Datasets
import Foundation
import Networks
import SIREN
import WeightFormats

/// The first INRs of a corpus, drawn side by side, and the histograms of its arrays.
package struct CorpusPictures {
    private let summary: CorpusSummary
    private static let gap = 4
    private static let columns = 16

    /// - Parameter summary: one that was gathered with pictures.
    package init(_ summary: CorpusSummary) { self.summary = summary }

    /// A sheet of up to 32 INRs of every kind, in colours where any has them.
    /// - Throws: where no network of the corpus draws pictures.
    package func sheet() throws(DatasetError) -> [UInt8] {
        var rows: [[Picture]] = []
        for kind in summary.kinds where kind.header.family == .inr {
            let pictures = kind.samples.compactMap { Self.draw($0, kind.header) }
            for start in stride(from: 0, to: pictures.count, by: Self.columns) {
                rows.append(Array(pictures[start..<min(start + Self.columns, pictures.count)]))
            }
        }
        guard !rows.isEmpty else {
            throw DatasetError(
                "no network of '\(summary.path)' draws pictures (2 inputs, 1 or 3 outputs); histograms alone are written to a file whose name ends with .svg"
            )
        }
        let heights = rows.map { $0.map(\.height).max() ?? 0 }
        let width = (rows.map { row in row.reduce(0) { $0 + $1.width + Self.gap } }.max() ?? 0) + Self.gap
        let height = heights.reduce(Self.gap) { $0 + $1 + Self.gap }
        var pixels = [UInt8](repeating: 255, count: 3 * width * height)
        var top = Self.gap
        for (row, rowHeight) in zip(rows, heights) {
            var left = Self.gap
            for picture in row {
                let bytes = picture.bytes8
                for y in 0..<picture.height {
                    for x in 0..<picture.width {
                        for channel in 0..<3 {
                            let own = (y * picture.width + x) * picture.channels + min(channel, picture.channels - 1)
                            pixels[((top + y) * width + left + x) * 3 + channel] = bytes[own]
                        }
                    }
                }
                left += picture.width + Self.gap
            }
            top += rowHeight + Self.gap
        }
        do throws(FormatError) {
            return try PNGWriter.write(pixels, width: width, height: height, color: .rgb)
        } catch {
            throw DatasetError(error.detail)
        }
    }

    private static func draw(_ weights: [Float], _ header: ShardHeader) -> Picture? {
        guard let network = try? NetworkWeights(spec: header.spec, flat: weights),
            let function = try? DrawnFunction(network, header.notation)
        else { return nil }
        let shape = header.image ?? ImageShape(height: 28, width: 28, channels: 1)
        let scale = max(1, 56 / max(shape.height, shape.width))
        return try? function.picture(
            height: min(128, shape.height * scale), width: min(128, shape.width * scale))
    }

    /// The histograms of the arrays of every kind, and the sheet above them where there is one, as an SVG document.
    package var svg: String {
        let (cellWidth, cellHeight, columns) = (210.0, 150.0, 4)
        var body = ""
        var top = 30.0
        func text(_ x: Double, _ y: Double, _ text: String, _ size: Int = 11, anchor: String = "start") {
            let escaped = text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
            body +=
                "<text x=\"\(Self.short(x))\" y=\"\(Self.short(y))\" font-size=\"\(size)\" text-anchor=\"\(anchor)\">\(escaped)</text>\n"
        }
        text(10, 20, "\(PathIndex.name(summary.path)): \(summary.networks) networks", 15)
        if let png = try? sheet() {
            let (width, height) = (Self.extent(png, 16), Self.extent(png, 20))
            let scale = min(1, 820 / Double(width))
            body +=
                "<image x=\"10\" y=\"\(Self.short(top))\" width=\"\(Self.short(Double(width) * scale))\" height=\"\(Self.short(Double(height) * scale))\" href=\"data:image/png;base64,\(Data(png).base64EncodedString())\"/>\n"
            top += Double(height) * scale + 10
        }
        for kind in summary.kinds {
            text(
                10, top + 16,
                "\(kind.networks) × \(kind.header.spec.summary) \(kind.header.family.rawValue), \(kind.notation)", 13)
            top += 24
            for (index, histogram) in kind.histograms.enumerated() {
                let left = 10 + Double(index % columns) * cellWidth
                let y = top + Double(index / columns) * cellHeight
                let most = Double(max(1, histogram.counts.max() ?? 1))
                let bar = (cellWidth - 20) / Double(histogram.counts.count)
                let base = y + cellHeight - 34
                text(left, y + 14, kind.arrayNames[index])
                for (bin, count) in histogram.counts.enumerated() where count > 0 {
                    let height = (cellHeight - 56) * Double(count) / most
                    body +=
                        "<rect x=\"\(Self.short(left + Double(bin) * bar))\" y=\"\(Self.short(base - height))\" width=\"\(Self.short(bar * 0.9))\" height=\"\(Self.short(height))\" fill=\"#3b7dd8\"/>\n"
                }
                body +=
                    "<line x1=\"\(Self.short(left))\" y1=\"\(Self.short(base))\" x2=\"\(Self.short(left + cellWidth - 20))\" y2=\"\(Self.short(base))\" stroke=\"#888\"/>\n"
                text(left, base + 14, CorpusSummary.short(histogram.low), 10)
                text(left + cellWidth - 20, base + 14, CorpusSummary.short(histogram.high), 10, anchor: "end")
            }
            top += Double((kind.histograms.count + columns - 1) / columns) * cellHeight + 10
        }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 850 \(Int(top) + 10)" font-family="sans-serif" fill="#444">
            <rect width="100%" height="100%" fill="#fff"/>
            \(body)</svg>

            """
    }

    private static func short(_ value: Double) -> String { String(format: "%.1f", value) }

    /// An extent in the header of a PNG file.
    private static func extent(_ png: [UInt8], _ offset: Int) -> Int {
        png[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
    }
}
