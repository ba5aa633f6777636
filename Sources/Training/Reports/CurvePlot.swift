import Foundation

/// A line chart of up to six colours, 720 × 420 user units, as a complete SVG document.
package struct CurvePlot {
    /// One line of the chart.
    package struct Series {
        let name: String
        let points: [(x: Double, y: Double)]

        /// Points with a NaN or an infinity are left out.
        package init(_ name: String, _ points: [(x: Double, y: Double)]) {
            self.name = name
            self.points = points.filter { $0.x.isFinite && $0.y.isFinite }
        }
    }

    private let title: String
    private let xTitle: String
    private let series: [Series]
    private static let (width, height) = (720.0, 420.0)
    private static let (left, right, top, bottom) = (64.0, 20.0, 44.0, 48.0)
    private static let colors = ["#3b7dd8", "#d8643b", "#3ba86b", "#9a5fd0", "#c79a1e", "#5f6b7a"]

    /// - Parameters:
    ///   - xTitle: the name of the horizontal axis.
    ///   - series: those without points are left out.
    package init(title: String, xTitle: String, _ series: [Series]) {
        self.title = title
        self.xTitle = xTitle
        self.series = series.filter { !$0.points.isEmpty }
    }

    /// The SVG document. Both axes are linear and span all series.
    package var svg: String {
        let points = series.flatMap(\.points)
        let (xAxis, yAxis) = (Axis(points.map(\.x), count: 6), Axis(points.map(\.y), count: 6))
        func x(_ value: Double) -> Double {
            Self.left + xAxis.share(value) * (Self.width - Self.left - Self.right)
        }
        func y(_ value: Double) -> Double {
            Self.height - Self.bottom - yAxis.share(value) * (Self.height - Self.top - Self.bottom)
        }
        var body = ""
        for tick in yAxis.ticks {
            body += line(Self.left, y(tick), Self.width - Self.right, y(tick), "#8884", 1)
            body += text(Self.left - 8, y(tick) + 4, yAxis.label(tick), anchor: "end")
        }
        for tick in xAxis.ticks {
            body += line(x(tick), Self.height - Self.bottom, x(tick), Self.height - Self.bottom + 5, "#888", 1)
            body += text(x(tick), Self.height - Self.bottom + 20, xAxis.label(tick), anchor: "middle")
        }
        body += line(
            Self.left, Self.height - Self.bottom, Self.width - Self.right, Self.height - Self.bottom, "#888", 1)
        for (index, own) in series.enumerated() {
            let color = Self.colors[index % Self.colors.count]
            let path = own.points.map { "\(rounded(x($0.x))),\(rounded(y($0.y)))" }.joined(separator: " ")
            body += "<polyline points=\"\(path)\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"2\"/>\n"
            let place = Self.left + 12 + Double(index) * 150
            body += line(place, Self.top - 12, place + 18, Self.top - 12, color, 3)
            body += text(place + 24, Self.top - 8, own.name, anchor: "start")
        }
        body += text(Self.left, 20, title, anchor: "start", size: 15)
        body += text(Self.width - Self.right, Self.height - 8, xTitle, anchor: "end")
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" \
            font-family="sans-serif" font-size="12" fill="#777">
            <rect width="100%" height="100%" fill="#fff"/>
            \(body)</svg>

            """
    }

    private func rounded(_ value: Double) -> String { String(format: "%.1f", value) }

    private func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ color: String, _ width: Int) -> String {
        "<line x1=\"\(rounded(x1))\" y1=\"\(rounded(y1))\" x2=\"\(rounded(x2))\" y2=\"\(rounded(y2))\" "
            + "stroke=\"\(color)\" stroke-width=\"\(width)\"/>\n"
    }

    private func text(_ x: Double, _ y: Double, _ text: String, anchor: String, size: Int = 12) -> String {
        let escaped = text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
        return
            "<text x=\"\(rounded(x))\" y=\"\(rounded(y))\" text-anchor=\"\(anchor)\" font-size=\"\(size)\">\(escaped)</text>\n"
    }
}

/// A linear axis with ticks at multiples of 1, 2 or 5 times a power of ten, the outermost beyond all values.
private struct Axis {
    let ticks: [Double]
    private let lower: Double
    private let upper: Double
    private let step: Double

    init(_ values: [Double], count: Int) {
        let (least, most) = (values.min() ?? 0, values.max() ?? 1)
        let span = most > least ? most - least : max(abs(most), 1)
        let raw = span / Double(count)
        let power = pow(10, log10(raw).rounded(.down))
        step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= raw } ?? raw
        let first = (least / step).rounded(.down)
        let last = max(first + 1, (most / step).rounded(.up))
        (lower, upper) = (first * step, last * step)
        let (own, start) = (step, lower)
        ticks = (0...Int(last - first)).map { start + Double($0) * own }
    }

    /// The position of a value on the axis, from 0 to 1.
    func share(_ value: Double) -> Double { (value - lower) / (upper - lower) }

    /// A tick's value with as many decimals as the step between ticks needs.
    func label(_ tick: Double) -> String {
        let digits = step >= 1 ? 0 : min(6, Int(-log10(step).rounded(.down)))
        return String(format: "%.\(digits)f", tick)
    }
}
