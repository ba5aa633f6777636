import Clocks
import Models
import SIREN
import Synchronization

/// Draws the pictures of several networks some rows at a time.
final class SlicedDrawing: Sendable {
    struct Drawn: Sendable {
        /// In the order of the networks.
        let pictures: [Result<Picture, ServiceFault>]
        /// That was spent on drawing.
        let duration: Duration
    }

    private struct State: Sendable {
        var pictures: [Result<Picture, ServiceFault>] = []
        /// Of the picture that is being drawn, as far as it is.
        var values: [Float] = []
        var duration = Duration.zero
    }

    private let functions: [Result<DrawnFunction, ServiceFault>]
    private let side: Int
    private let state = Mutex(State())
    /// Pixels that are evaluated between two looks at the clock.
    private static let pixelsAtATime = 1024

    /// - Parameters:
    ///   - networks: one that has failed has no picture.
    ///   - side: rows and columns of each picture.
    init(_ networks: [Result<NotatedNetwork, ServiceFault>], side: Int) {
        functions = networks.map { network in
            network.flatMap { network in
                Result { () throws(PictureError) in try network.function() }.mapError(ServiceFault.init)
            }
        }
        self.side = side
    }

    /// Draws until about that time; not called by two threads at a time.
    /// - Returns: the pictures once all are drawn.
    func advance(until end: Instant) -> Drawn? {
        state.withLock { state in
            let began = Instant.now
            let coordinates = CoordinateGrid(height: side, width: side).coordinates
            repeat {
                guard state.pictures.count < functions.count else { break }
                switch functions[state.pictures.count] {
                case .failure(let fault): state.pictures.append(.failure(fault))
                case .success(let function):
                    let start = state.values.count / function.channels
                    let stop = min(start + Self.pixelsAtATime, side * side)
                    state.values += function.pixels(at: Array(coordinates[2 * start..<2 * stop]))
                    guard stop == side * side else { continue }
                    let picture = Picture(height: side, width: side, channels: function.channels, values: state.values)
                    state.values = []
                    state.pictures.append(
                        ServiceFault.checked(.picture(picture)).map { _ in picture })
                }
            } while .now < end
            state.duration += .now - began
            guard state.pictures.count == functions.count else { return nil }
            return Drawn(pictures: state.pictures, duration: state.duration)
        }
    }
}
