import Engine
import Models
import WeightFormats

/// Pictures with known classes, chosen for a model that runs networks on them.
struct ProbeSelection {
    /// (count, channels, height, width), from 0 to 1.
    let values: [Float]
    let labels: [Int]

    /// The last pictures of every class, as many of each as the count allows, in turns: class 0, 1, …, 0, 1, …
    /// - Parameter pictures: nil where none are given.
    /// - Throws: where there are too few, or of another size or other classes.
    init(_ wanted: ProbePictures, from pictures: PictureBytes?) throws(RunError) {
        guard let pictures else {
            throw RunError(
                "the model runs networks on \(wanted.count) pictures with known classes; give the networks' training pictures by --probe-images and --probe-labels"
            )
        }
        guard pictures.channels == wanted.channels else {
            throw RunError(
                "--probe-images: the networks read pictures of \(wanted.channels) channels, received \(pictures.channels); give those that they were trained on"
            )
        }
        guard (pictures.height, pictures.width) == (wanted.height, wanted.width) else {
            throw RunError(
                "--probe-images: expected pictures of \(wanted.height) × \(wanted.width) × \(wanted.channels), as the recipe and the networks say, received \(pictures.height) × \(pictures.width) × \(pictures.channels); --set 'model.model.picture=[\(pictures.height),\(pictures.width)]'"
            )
        }
        var left = Dictionary(grouping: pictures.labels.indices, by: { Int(pictures.labels[$0]) })
        if let unknown = left.keys.first(where: { !(0..<wanted.classes).contains($0) }) {
            throw RunError(
                "--probe-labels: expected classes from 0 to \(wanted.classes - 1), as the networks have outputs, received \(unknown)"
            )
        }
        var chosen: [Int] = []
        while chosen.count < wanted.count {
            let before = chosen.count
            for label in 0..<wanted.classes where chosen.count < wanted.count {
                if let picture = left[label]?.popLast() { chosen.append(picture) }
            }
            guard chosen.count > before else {
                throw RunError(
                    "--probe-images: expected at least \(wanted.count) pictures, received \(chosen.count); --set model.model.n_probes=\(chosen.count)"
                )
            }
        }
        let size = pictures.channels * pictures.height * pictures.width
        values = chosen.flatMap { picture in
            pictures.values[picture * size..<(picture + 1) * size].map { Float($0) / 255 }
        }
        labels = chosen.map { Int(pictures.labels[$0]) }
    }

    /// SHA-256 of pictures and labels.
    var digest: String {
        ContentDigest.hexadecimal(
            values.map { UInt8(($0 * 255).rounded()) } + labels.map { UInt8(truncatingIfNeeded: $0) })
    }
}
