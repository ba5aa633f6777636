#if DEBUG
    import Glibc

    /// Checks, in debug builds with `WEIGHTSPACE_CHECK_STEPS` in the environment, that steps access memory as they
    /// declare.
    ///
    /// While a plan is recorded, it checks that a step reads only what an earlier step has written, inputs and
    /// parameters, and in a plan with gradients that the two rules of `GradientTape` hold. While the plan runs, it
    /// checks that a step takes the address of no temporary that it does not declare and, in a plan of one thread, that
    /// what a step declares only to read has the same bits before and after it. It does not find a step that writes to
    /// a part of a temporary other than the declared one, if no other matrix of the step views that part.
    struct StepChecks {
        /// Set by `WEIGHTSPACE_CHECK_STEPS`, as `Deploy/test.sh` does: the checks make a debug build several times slower.
        static let areEnabled = getenv("WEIGHTSPACE_CHECK_STEPS") != nil

        private var written: [ObjectIdentifier: WrittenElements] = [:]
        private var unwrittenReads: [(storage: ObjectIdentifier, problem: String)] = []
        private var forwardWrites: [ObjectIdentifier: [(region: Matrix, step: Int)]] = [:]
        private var steps = 0

        /// Records the next step.
        /// - Parameters:
        ///   - adjointEnd: while an adjoint is recorded, the number of steps recorded up to the one that it belongs to.
        ///   - recordsGradients: whether to check the tape's rules.
        /// - Returns: what is wrong with it, if anything.
        mutating func record(
            _ name: StaticString, reading reads: [Matrix], writing writes: [Matrix], recordsGradients: Bool = false,
            adjointEnd: Int? = nil
        ) -> String? {
            defer { steps += 1 }
            for region in reads
            where region.storage.isTemporary && written[region.storageID]?.containsAll(region) != true {
                unwrittenReads.append((region.storageID, "\(name) reads memory that no earlier step has written"))
            }
            var problem: String?
            if let adjointEnd {
                let isLate = reads.contains { region in
                    (forwardWrites[region.storageID] ?? []).contains {
                        $0.step >= adjointEnd && $0.region.overlaps(region)
                    }
                }
                if isLate { problem = "the adjoint of \(name) reads memory that was written after the step" }
            } else if recordsGradients {
                let isRewritten = writes.contains { region in
                    written[region.storageID]?.containsAny(region) == true
                        && !reads.contains { $0.overlaps(region) }
                }
                if isRewritten {
                    problem = "\(name) overwrites memory that was written before, in a plan with gradients"
                }
                for region in writes { forwardWrites[region.storageID, default: []].append((region, steps)) }
            }
            for region in writes {
                let known = written[region.storageID] ?? WrittenElements(count: region.storage.count)
                known.insert(region)
                written[region.storageID] = known
            }
            return problem
        }

        /// The first read of memory that was written neither by an earlier step nor, as one of `inputs`, by the caller.
        func problem(inputs: [Matrix]) -> String? {
            let known = Set(inputs.map(\.storageID))
            return unwrittenReads.first { !known.contains($0.storage) }?.problem
        }

        /// The step's tasks with the checks around them.
        /// - Parameter isSequential: whether the tasks run one after the other, in order, as in a plan of one thread.
        static func watched(
            _ name: StaticString, _ step: RecordedStep, isSequential: Bool
        ) -> @Sendable (_ task: Int, _ worker: Int) -> Void {
            let declared = DeclaredStorages(name, step.reads + step.writes)
            let constants = step.reads.filter { region in !step.writes.contains { $0.overlaps(region) } }
            let snapshot = isSequential ? Snapshot(name, constants) : nil
            let (tasks, body) = (step.step.tasks, step.step.body)
            return { task, worker in
                if task == 0 { snapshot?.take() }
                declared.enter()
                body(task, worker)
                declared.leave()
                if task == tasks - 1 { snapshot?.expectUnchanged() }
            }
        }
    }

    /// A byte for every element of a storage: 1 once a step has written it.
    private final class WrittenElements {
        private var bytes: [UInt8]

        init(count: Int) { bytes = [UInt8](repeating: 0, count: count) }

        func insert(_ region: Matrix) {
            bytes.withUnsafeMutableBufferPointer { bytes in
                guard let start = bytes.baseAddress else { return }
                region.forEachRange { memset(start + $0.lowerBound, 1, $0.count) }
            }
        }

        func containsAll(_ region: Matrix) -> Bool { !finds(0, in: region) }
        func containsAny(_ region: Matrix) -> Bool { finds(1, in: region) }

        private func finds(_ byte: Int32, in region: Matrix) -> Bool {
            bytes.withUnsafeBufferPointer { bytes in
                guard let start = bytes.baseAddress else { return false }
                var isFound = false
                region.forEachRange { isFound = isFound || memchr(start + $0.lowerBound, byte, $0.count) != nil }
                return isFound
            }
        }
    }

    /// The temporaries that a step declares, known to a thread while it runs one of the step's tasks.
    final class DeclaredStorages: Sendable {
        private let name: StaticString
        private let identifiers: Set<ObjectIdentifier>

        private static let key: pthread_key_t = {
            var key = pthread_key_t()
            pthread_key_create(&key, nil)
            return key
        }()

        init(_ name: StaticString, _ matrices: [Matrix]) {
            self.name = name
            identifiers = Set(matrices.map(\.storageID))
        }

        func enter() { pthread_setspecific(Self.key, Unmanaged.passUnretained(self).toOpaque()) }
        func leave() { pthread_setspecific(Self.key, nil) }

        /// Traps if this thread is running a step that does not declare the storage.
        static func expect(_ storage: Storage) {
            guard storage.isTemporary, let current = pthread_getspecific(key) else { return }
            let declared = Unmanaged<DeclaredStorages>.fromOpaque(current).takeUnretainedValue()
            precondition(
                declared.identifiers.contains(ObjectIdentifier(storage)),
                "\(declared.name) touches memory that it does not declare")
        }
    }

    /// A copy of what a step declares only to read. Unchecked Sendable is sound because one thread runs the whole plan.
    private final class Snapshot: @unchecked Sendable {
        private let name: StaticString
        private let regions: [Matrix]
        private var contents: [[Float]] = []

        init(_ name: StaticString, _ regions: [Matrix]) {
            self.name = name
            self.regions = regions
        }

        func take() { contents = regions.map { $0.read() } }

        func expectUnchanged() {
            for (region, before) in zip(regions, contents) {
                let isSame = before.map(\.bitPattern) == region.read().map(\.bitPattern)
                precondition(isSame, "\(name) writes memory that it declares only to read")
            }
            contents = []
        }
    }

    extension Matrix {
        /// Calls `body` for every run of contiguous elements, by their offsets in the storage.
        fileprivate func forEachRange(_ body: (Range<Int>) -> Void) {
            if isContiguous { return body(span) }
            for row in 0..<rows { body(offset + row * stride..<offset + row * stride + columns) }
        }
    }
#endif
