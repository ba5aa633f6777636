/// Contiguous float32 memory that matrices view. Parameters and constants own theirs; a temporary is a part of its
/// plan's arena, which it is assigned when the plan is finished.
///
/// Unchecked Sendable is sound because a storage's address is set once, before anything runs, and because the kernels
/// that write to it at the same time are given disjoint rows or columns by the step that starts them.
package final class Storage: @unchecked Sendable {
    let count: Int
    /// Whether it is part of a plan's arena.
    let isTemporary: Bool
    private(set) var base: UnsafeMutablePointer<Float>
    private var owner: AnyObject?

    /// Owns `count` zeros.
    init(zeros count: Int) {
        let arena = Arena(count: count)
        self.count = count
        isTemporary = false
        base = arena.base
        owner = arena
    }

    /// A temporary, to which `place` must assign memory before any access.
    init(unplaced count: Int) {
        self.count = count
        isTemporary = true
        base = Storage.nowhere
        owner = nil
    }

    func place(in arena: Arena, at offset: Int) {
        precondition(offset >= 0 && offset + count <= arena.count, "storage placed outside its arena")
        base = arena.base + offset
        owner = arena
    }

    var isPlaced: Bool { owner != nil }

    nonisolated(unsafe) private static let nowhere = UnsafeMutablePointer<Float>.allocate(capacity: 1)
}

/// Memory aligned for the widest vector registers, zeroed, freed with its last storage.
final class Arena {
    let count: Int
    let base: UnsafeMutablePointer<Float>

    init(count: Int) {
        self.count = count
        let raw = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * MemoryLayout<Float>.stride, alignment: 64)
        base = raw.bindMemory(to: Float.self, capacity: max(count, 1))
        base.initialize(repeating: 0, count: max(count, 1))
    }

    deinit { base.deallocate() }
}
