/// Entries in order of arrival, counted per lane; every operation is O(1).
///
/// Slots are reused and linked by index, so entries that leave from the middle cost no shift and leave no tombstone:
/// the memory held is that of the longest queue there ever was.
struct WaitingList<Lane: Hashable, Entry> {
    private struct Slot {
        let lane: Lane
        let serial: UInt64
        let entry: Entry
    }

    private var slots: [Slot?] = []
    private var vacant: [Int] = []
    private var nextSerial: UInt64 = 0
    private var arrivals = Chain()
    /// Waiting entries of each lane that has any.
    private(set) var countByLane: [Lane: Int] = [:]

    var count: Int { arrivals.count }

    var first: BatchEntryID? {
        arrivals.head.flatMap { slot in slots[slot].map { BatchEntryID(slot: slot, serial: $0.serial) } }
    }

    mutating func append(_ entry: Entry, lane: Lane) -> BatchEntryID {
        let slot = vacantSlot()
        let serial = nextSerial
        nextSerial &+= 1
        slots[slot] = Slot(lane: lane, serial: serial, entry: entry)
        arrivals.append(slot)
        countByLane[lane, default: 0] += 1
        return BatchEntryID(slot: slot, serial: serial)
    }

    /// Takes an entry out, `nil` if it has left already.
    mutating func remove(_ id: BatchEntryID) -> Entry? {
        guard slots.indices.contains(id.slot), let slot = slots[id.slot], slot.serial == id.serial else { return nil }
        slots[id.slot] = nil
        vacant.append(id.slot)
        arrivals.remove(id.slot)
        countByLane[slot.lane] = countByLane[slot.lane].flatMap { $0 > 1 ? $0 - 1 : nil }
        return slot.entry
    }

    /// Visits every entry in order of arrival; O(count).
    func forEach(_ body: (BatchEntryID, Entry) -> Void) {
        var next = arrivals.head
        while let index = next {
            next = arrivals.next(after: index)
            if let slot = slots[index] { body(BatchEntryID(slot: index, serial: slot.serial), slot.entry) }
        }
    }

    private mutating func vacantSlot() -> Int {
        if let slot = vacant.popLast() { return slot }
        slots.append(nil)
        arrivals.addSlot()
        return slots.count - 1
    }
}
