import Foundation

/// The accuracy and calibration of class probabilities on labelled networks.
package struct ClassificationReport: Sendable {
    /// The number of networks.
    package let count: Int
    /// How many of them have their label as the most probable class.
    package let correct: Int
    /// `confusion[label][prediction]`: how many networks of class `label` have `prediction` as the most probable class.
    package let confusion: [[Int]]
    /// The mean of −log p(label), in nats.
    package let negativeLogLikelihood: Double
    /// The expected calibration error (Guo et al., arXiv 1706.04599): Σ |B| / n · |accuracy(B) − confidence(B)| over 15
    /// bins B of equal width, where a network's confidence is the probability of its most probable class.
    package let calibrationError: Double

    /// Compares softmax(logits / temperature), computed in float64, with the labels.
    /// - Parameters:
    ///   - logits: for each network one logit a class.
    ///   - labels: for each network its class, from 0; traps where one is not a class.
    ///   - temperature: above 0.
    package init(logits: [[Float]], labels: [Int], temperature: Double) {
        let classes = logits.first?.count ?? 0
        var confusion = [[Int]](repeating: [Int](repeating: 0, count: classes), count: classes)
        var bins = [(confidence: Double, hits: Int)](repeating: (0, 0), count: Self.binCount)
        var (correct, loss) = (0, 0.0)
        for (row, label) in zip(logits, labels) {
            let probabilities = Self.probabilities(row, temperature)
            let answer = probabilities.indices.max { probabilities[$0] < probabilities[$1] } ?? 0
            let confidence = probabilities[answer]
            confusion[label][answer] += 1
            correct += answer == label ? 1 : 0
            loss -= log(max(probabilities[label], 1e-300))
            let bin = min(Self.binCount - 1, Int(confidence * Double(Self.binCount)))
            bins[bin].confidence += confidence
            bins[bin].hits += answer == label ? 1 : 0
        }
        let total = Double(max(1, labels.count))
        count = labels.count
        self.correct = correct
        self.confusion = confusion
        negativeLogLikelihood = loss / total
        calibrationError = bins.reduce(0) { $0 + abs($1.confidence - Double($1.hits)) } / total
    }

    private static let binCount = 15

    /// `correct` / `count`.
    package var accuracy: Double { Double(correct) / Double(max(1, count)) }

    /// The 95 % confidence interval of the accuracy: Wilson's score interval with z = 1.96.
    package var interval: ClosedRange<Double> {
        let (n, p, z) = (Double(max(1, count)), accuracy, 1.959964)
        let center = (p + z * z / (2 * n)) / (1 + z * z / n)
        let half = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot() / (1 + z * z / n)
        return max(0, center - half)...min(1, center + half)
    }

    /// The mean probability of the most probable class.
    package static func meanConfidence(logits: [[Float]], temperature: Double) -> Double {
        logits.reduce(0) { $0 + (probabilities($1, temperature).max() ?? 0) } / Double(max(1, logits.count))
    }

    /// softmax(logits / temperature) in float64.
    private static func probabilities(_ logits: [Float], _ temperature: Double) -> [Double] {
        let peak = logits.max() ?? 0
        let weights = logits.map { exp(Double($0 - peak) / temperature) }
        let sum = weights.reduce(0, +)
        return weights.map { $0 / sum }
    }

    /// Temperature scaling (Guo et al., arXiv 1706.04599): the temperature from 1/20 to 20 with the smallest negative
    /// log-likelihood; where the mean confidence would exceed the accuracy, the higher one at which they are equal.
    ///
    /// Likelihood weighs the few networks that are answered wrongly and surely; what a client compares is how often answers of
    /// a confidence are right.
    ///
    /// Of n networks the wanted probabilities are (1 − ε) · one-hot(label) + ε / classes with ε = 1 / (n + 1), as if one
    /// more network had been answered by chance. With the labels alone, the best temperature of a few networks that are all
    /// right would be 0, and every answer certain.
    package static func bestTemperature(logits: [[Float]], labels: [Int]) -> Double {
        let share = 1 / Double(logits.count + 1)
        func loss(_ exponent: Double) -> Double {
            zip(logits, labels).reduce(0) { sum, network in
                let logs = probabilities(network.0, exp(exponent)).map { log(max($0, 1e-300)) }
                return sum - (1 - share) * logs[network.1] - share * logs.reduce(0, +) / Double(logs.count)
            }
        }
        let likeliest = minimum(of: loss, from: -log(20.0), to: log(20.0))
        let hits = zip(logits, labels).count { row, label in row.indices.max { row[$0] < row[$1] } == label }
        let chance = 1 / Double(max(1, logits.first?.count ?? 1))
        let accuracy = (Double(hits) + chance) / Double(logits.count + 1)
        return exp(exponent(ofConfidence: accuracy, logits, from: likeliest, to: log(20.0)))
    }

    /// Where a function with one minimum has it, to within 1e-3, by golden-section search.
    private static func minimum(of loss: (Double) -> Double, from first: Double, to last: Double) -> Double {
        let ratio = (5.0.squareRoot() - 1) / 2
        var (low, high) = (first, last)
        var (a, b) = (high - ratio * (high - low), low + ratio * (high - low))
        var (lossA, lossB) = (loss(a), loss(b))
        while high - low > 1e-3 {
            if lossA < lossB {
                (high, b, lossB) = (b, a, lossA)
                a = high - ratio * (high - low)
                lossA = loss(a)
            } else {
                (low, a, lossA) = (a, b, lossB)
                b = low + ratio * (high - low)
                lossB = loss(b)
            }
        }
        return (low + high) / 2
    }

    /// The logarithm of the lowest temperature from exp(`first`) to exp(`last`) with at most this mean confidence, to within
    /// 1e-3; `last` where none is as high. The confidence falls as the temperature rises.
    private static func exponent(
        ofConfidence wanted: Double, _ logits: [[Float]], from first: Double, to last: Double
    ) -> Double {
        func isSurer(_ exponent: Double) -> Bool { meanConfidence(logits: logits, temperature: exp(exponent)) > wanted }
        guard isSurer(first) else { return first }
        var (low, high) = (first, last)
        while high - low > 1e-3 {
            let middle = (low + high) / 2
            if isSurer(middle) { low = middle } else { high = middle }
        }
        return high
    }

    /// The confusion matrix as text: a row for each label, a column for each predicted class.
    /// - Parameter labels: the names of the classes; classes beyond them have their number as name.
    package func table(labels: [String]) -> String {
        let names = confusion.indices.map { $0 < labels.count ? labels[$0] : String($0) }
        let width = max(6, (names.map(\.count).max() ?? 0) + 1)
        func padded(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        let header = padded("", width) + confusion.indices.map { padded(String($0), 6) }.joined()
        let rows = confusion.enumerated().map { index, row in
            padded(names[index], width) + row.map { padded(String($0), 6) }.joined() + "   \(index)"
        }
        return ([header] + rows).joined(separator: "\n")
    }
}

/// A fraction as a percentage with two decimals: 0.92574 is "92.57 %".
package func percent(_ share: Double) -> String { String(format: "%.2f %%", 100 * share) }
