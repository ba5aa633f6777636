/// A doubly linked list of slot numbers; every operation is O(1).
struct Chain {
    private struct Link {
        var previous: Int?
        var next: Int?
    }

    private(set) var head: Int?
    private var tail: Int?
    private(set) var count = 0
    private var links: [Link] = []

    /// Makes room for one slot more, the next in number.
    mutating func addSlot() { links.append(Link()) }

    func next(after slot: Int) -> Int? { links[slot].next }

    mutating func append(_ slot: Int) {
        links[slot] = Link(previous: tail)
        if let tail { links[tail].next = slot } else { head = slot }
        tail = slot
        count += 1
    }

    mutating func remove(_ slot: Int) {
        let link = links[slot]
        if let previous = link.previous { links[previous].next = link.next } else { head = link.next }
        if let next = link.next { links[next].previous = link.previous } else { tail = link.previous }
        links[slot] = Link()
        count -= 1
    }
}
