/// The ends of one doubly linked chain of slots.
struct Chain {
    fileprivate(set) var head: Int?
    fileprivate var tail: Int?
    fileprivate(set) var count = 0
}

/// The links of any number of chains over the same slots. A slot is in at most one chain of a `ChainLinks`.
struct ChainLinks {
    private struct Link {
        var previous: Int?
        var next: Int?
    }

    private var links: [Link] = []

    /// Makes room for one slot more, the next in number.
    mutating func addSlot() { links.append(Link()) }

    func next(after slot: Int) -> Int? { links[slot].next }

    mutating func append(_ slot: Int, to chain: inout Chain) {
        links[slot] = Link(previous: chain.tail)
        if let tail = chain.tail { links[tail].next = slot } else { chain.head = slot }
        chain.tail = slot
        chain.count += 1
    }

    mutating func remove(_ slot: Int, from chain: inout Chain) {
        let link = links[slot]
        if let previous = link.previous { links[previous].next = link.next } else { chain.head = link.next }
        if let next = link.next { links[next].previous = link.previous } else { chain.tail = link.previous }
        links[slot] = Link()
        chain.count -= 1
    }
}
