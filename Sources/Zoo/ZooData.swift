import Datasets
import Engine

/// The pictures that the networks of a zoo are trained and tested on.
package struct ZooData: Sendable {
    package let training: PictureBytes
    package let test: PictureBytes
    /// Classes are numbered from 0 to this number − 1.
    package let classes: Int
    /// Counts, and a checksum of all pictures and labels.
    let summary: String

    /// Takes the first `limit` pictures of each set; all of them where it is nil. Values are rounded to 256 levels.
    /// - Throws: where a set has no labels or no pictures, or the two sets differ in size.
    package init(training: PictureSet, test: PictureSet, limit: Int? = nil) throws(DatasetError) {
        guard training.height == test.height, training.width == test.width, training.channels == test.channels else {
            func size(_ set: PictureSet) -> String { "\(set.height) × \(set.width) × \(set.channels)" }
            throw DatasetError(
                "the test pictures have another size than the training pictures: expected \(size(training)), received \(size(test))"
            )
        }
        self.training = try PictureBytes(training, "training", limit: limit)
        self.test = try PictureBytes(test, "test", limit: limit)
        classes = Int(max(self.training.labels.max() ?? 0, self.test.labels.max() ?? 0)) + 1
        // FNV-1a
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for set in [self.training, self.test] {
            for byte in set.values { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
            for label in set.labels { hash = (hash ^ UInt64(UInt32(bitPattern: label))) &* 0x100_0000_01B3 }
        }
        summary = """
            \(self.training.count) training and \(self.test.count) test pictures \
            \(training.height)x\(training.width)x\(training.channels), checksum \(String(hash, radix: 16))
            """
    }
}
