import Synchronization

/// Pictures in the order in which convolutions read them: in groups of one a lane, which all plans of a model share.
package final class LanePictures: Sendable {
    /// (pictures, channels · height · width)
    let pictures: Matrix
    private let groups = Mutex<[Matrix]?>(nil)

    /// - Parameter pictures: (pictures, channels · height · width); it must not change after the first plan was recorded.
    package init(_ pictures: Matrix) { self.pictures = pictures }

    /// The number of pictures.
    package var count: Int { pictures.rows }

    /// (channels · height · width, lanes) each, made when first asked for; the lanes that the last group has too many are
    /// zeros.
    var laneGroups: [Matrix] {
        groups.withLock { groups in
            let made = groups ?? Self.transposed(pictures)
            groups = made
            return made
        }
    }

    private static func transposed(_ pictures: Matrix) -> [Matrix] {
        let lanes = Convolution.lanes
        return stride(from: 0, to: pictures.rows, by: lanes).map { first in
            let group = Matrix(zeros: pictures.columns, lanes)
            for lane in 0..<min(lanes, pictures.rows - first) {
                let picture = pictures.pointer + (first + lane) * pictures.stride
                for index in 0..<pictures.columns { group.pointer[index * lanes + lane] = picture[index] }
            }
            return group
        }
    }
}
