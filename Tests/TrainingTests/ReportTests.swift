import Foundation
import FoundationXML
import SIREN
import Testing
import Training

@Suite struct ReportTests {
    @Test("accuracy, confusion and interval of a hand-made case")
    func countsAnswers() {
        // Ten answers of certainty, eight right.
        let labels = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]
        let answers = [0, 0, 0, 0, 1, 1, 1, 1, 1, 0]
        let report = ClassificationReport(
            logits: answers.map { $0 == 0 ? [30, 0] : [0, 30] }, labels: labels, temperature: 1)
        #expect(report.correct == 8 && report.accuracy == 0.8)
        #expect(report.confusion == [[4, 1], [1, 4]])
        // Wilson's interval of 8 in 10.
        #expect(abs(report.interval.lowerBound - 0.4902) < 1e-3 && abs(report.interval.upperBound - 0.9433) < 1e-3)
        #expect(abs(report.calibrationError - 0.2) < 1e-6)
        #expect(report.table(labels: ["dark", "light"]).contains("dark     4     1"))
    }

    @Test("the temperature that made the answers is found again")
    func findsTemperature() {
        // Logits whose labels come up as often as softmax(logits / 2) says.
        let share = 1 / (1 + exp(-2.0 / 2))
        let labels = (0..<10_000).map { Double($0) < share * 10_000 ? 0 : 1 }
        let logits = labels.map { _ in [Float(2), 0] }
        #expect(abs(ClassificationReport.bestTemperature(logits: logits, labels: labels) - 2) < 0.02)
    }

    @Test("the mean confidence is not above the accuracy")
    func claimsNoMoreThanIsRight() {
        // 800 sure answers, all right, and 200 of which 60 % are right: by likelihood alone the mean confidence would be 94.4 %.
        let logits = [[Float]](repeating: [8, 0], count: 800) + [[Float]](repeating: [2, 0], count: 200)
        let labels = (0..<1000).map { $0 < 920 ? 0 : 1 }
        let temperature = ClassificationReport.bestTemperature(logits: logits, labels: labels)
        let confidence = ClassificationReport.meanConfidence(logits: logits, temperature: temperature)
        #expect(abs(confidence - 0.92) < 0.001)
    }

    @Test(
        "few networks that are all right do not make the model certain", arguments: [(1, 0.5), (11, 0.9), (200, 0.99)])
    func fewNetworksLeaveDoubt(count: Int, least: Double) {
        let logits = (0..<count).map { index in (0..<3).map { Float($0 == index % 3 ? 4 : 0) } }
        let labels = (0..<count).map { $0 % 3 }
        let temperature = ClassificationReport.bestTemperature(logits: logits, labels: labels)
        let confidence = ClassificationReport.meanConfidence(logits: logits, temperature: temperature)
        // As Laplace's rule of succession: (n + 1/3) / (n + 1).
        let wanted = (Double(count) + 1.0 / 3) / Double(count + 1)
        #expect(abs(confidence - wanted) < 0.002)
        #expect(confidence > least)
    }

    @Test("a plot has a line for every series and ticks around its values")
    func plotsCurves() {
        let plot = CurvePlot(
            title: "Loss <of> a run", xTitle: "step",
            [.init("a", [(0, 2), (10, 1)]), .init("b", [(0, 1.5), (10, .nan)]), .init("empty", [])])
        #expect(plot.svg.components(separatedBy: "<polyline").count == 3)
        #expect(plot.svg.contains("Loss &lt;of> a run") && plot.svg.contains(">1.0<") && plot.svg.contains(">2.0<"))
        #expect(XMLParser(data: Data(plot.svg.utf8)).parse())
    }

    @Test("metrics keep their rows up to a step, and refuse other columns")
    func metricsResume() throws {
        try withFolder { folder in
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let url = folder.appendingPathComponent("m.csv")
            let log = MetricsLog(url, columns: ["step", "loss"])
            try log.prepare(keepingUpTo: 0)
            for step in 1...4 { try log.append([Double(step), 1 / Double(step)]) }
            #expect(try log.read() == [[1, 1], [2, 0.5], [3, 1.0 / 3], [4, 0.25]])
            try log.prepare(keepingUpTo: 2)
            #expect(try log.read() == [[1, 1], [2, 0.5]])
            #expect(throws: RunError.self) { try MetricsLog(url, columns: ["step", "other"]).read() }
        }
    }

    @Test("a sheet holds pictures beside each other, enlarged")
    func drawsSheets() throws {
        let picture = Picture(height: 3, width: 2, channels: 1, values: [0, 1, -1, 0, 0, 0])
        let png = try PictureSheet([(picture, picture), (picture, picture)], columns: 2, scale: 3).png()
        // Width and height of the header chunk: 2 cells of 6 and 3 gaps of 4; 2 cells of 9 and 3 gaps.
        #expect(png[16..<24] == [0, 0, 0, 24, 0, 0, 0, 30])
    }
}
