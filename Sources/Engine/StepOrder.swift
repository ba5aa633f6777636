/// A step and the memory that it accesses.
struct RecordedStep {
    let step: Step
    /// What it reads: sources, parameters, and what it updates in place.
    let reads: [Matrix]
    /// What it writes: results and scratch memory.
    let writes: [Matrix]
}

/// Assigns steps to phases such that the result is that of running all steps in the order in which they were recorded.
///
/// Two steps conflict where they touch the same elements and one of them writes. A step comes after every earlier step
/// that it conflicts with: what writes its sources (read after write), what reads its targets (write after read) and
/// what writes its targets (write after write). Steps that only read the same memory may share a phase.
struct StepOrder {
    private struct Access {
        let region: Matrix
        let phase: Int
    }

    private var reads: [ObjectIdentifier: [Access]] = [:]
    private var writes: [ObjectIdentifier: [Access]] = [:]

    /// The phase of every step, counted from 0.
    /// - Parameter runningAhead: whether a step may be in an earlier phase than the step recorded just before it.
    static func places(of steps: [RecordedStep], runningAhead: Bool) -> [Int] {
        var order = StepOrder()
        var last = 0
        return steps.map { step in
            let phase = max(order.earliestPhase(of: step), runningAhead ? 0 : last)
            order.note(step, phase)
            last = phase
            return phase
        }
    }

    private func earliestPhase(of step: RecordedStep) -> Int {
        var phase = 0
        for region in step.reads { phase = max(phase, Self.end(of: writes, overlapping: region)) }
        for region in step.writes {
            phase = max(phase, Self.end(of: writes, overlapping: region), Self.end(of: reads, overlapping: region))
        }
        return phase
    }

    private mutating func note(_ step: RecordedStep, _ phase: Int) {
        for region in step.reads { reads[region.storageID, default: []].append(Access(region: region, phase: phase)) }
        for region in step.writes { writes[region.storageID, default: []].append(Access(region: region, phase: phase)) }
    }

    /// The phase after the last of the accesses that share an element with `region`.
    private static func end(of accesses: [ObjectIdentifier: [Access]], overlapping region: Matrix) -> Int {
        var end = 0
        for access in accesses[region.storageID] ?? [] where access.phase >= end && access.region.overlaps(region) {
            end = access.phase + 1
        }
        return end
    }
}

extension Matrix {
    var storageID: ObjectIdentifier { ObjectIdentifier(storage) }

    /// Offsets in the storage from the first element to the last, including elements between rows that are not part of
    /// the view.
    var span: Range<Int> { offset..<offset + (rows - 1) * stride + columns }

    /// Whether the two may share an element. Exact for views of rows and columns of one matrix and for single rows;
    /// true for others whose spans overlap.
    func overlaps(_ other: Matrix) -> Bool {
        guard storage === other.storage, span.overlaps(other.span) else { return false }
        let pitch = rows > 1 ? stride : other.stride
        guard rows == 1 || stride == pitch, other.rows == 1 || other.stride == pitch else { return true }
        let (own, their) = (offset % pitch, other.offset % pitch)
        // If no row crosses a multiple of the pitch, both views are rectangles of one table with `pitch` columns, and
        // share an element exactly if their rows and their columns overlap.
        guard own + columns <= pitch, their + other.columns <= pitch else { return true }
        let (first, last) = (offset / pitch, offset / pitch + rows)
        let (otherFirst, otherLast) = (other.offset / pitch, other.offset / pitch + other.rows)
        return own < their + other.columns && their < own + columns && first < otherLast && otherFirst < last
    }
}
