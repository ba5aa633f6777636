/// The SHA-256 hash function (FIPS 180-4), tested against NIST's vectors.
///
/// It is implemented here because the libraries that have it take minutes to build or are a further system package at run
/// time.
struct SHA256 {
    /// Bytes of a block.
    private static let blockSize = 64

    private var state: [UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
    ]
    /// The bytes of the last, incomplete block.
    private var pending: [UInt8] = []
    /// Bytes so far, with those in `pending`.
    private var count: UInt64 = 0

    mutating func update(_ bytes: [UInt8]) {
        count += UInt64(bytes.count)
        var start = 0
        if !pending.isEmpty {
            start = min(Self.blockSize - pending.count, bytes.count)
            pending += bytes[..<start]
            guard pending.count == Self.blockSize else { return }
            compress(pending, at: 0)
            pending.removeAll(keepingCapacity: true)
        }
        while bytes.count - start >= Self.blockSize {
            compress(bytes, at: start)
            start += Self.blockSize
        }
        pending += bytes[start...]
    }

    /// The 32 bytes of the digest of the bytes so far. More bytes can follow.
    func finish() -> [UInt8] {
        var padded = self
        // A one bit, zeros, and the message's length in bits, so that the whole is a multiple of the block.
        let zeros = (2 * Self.blockSize - 9 - pending.count) % Self.blockSize
        let bits = count &* 8
        padded.update(
            [0x80] + [UInt8](repeating: 0, count: zeros)
                + (0..<8).map { UInt8(truncatingIfNeeded: bits >> (56 - 8 * $0)) })
        return padded.state.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) } }
    }

    /// The compression function on the block that begins at `start`.
    ///
    /// Shifts that do not check their bounds (`&>>`) and pointers without reference counts: builds for tests, which are not
    /// optimised, hash the embedded models in a fraction of the time.
    private mutating func compress(_ bytes: [UInt8], at start: Int) {
        precondition(start >= 0 && bytes.count - start >= Self.blockSize, "a whole block")
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { w in
            // Sound: the block lies within `bytes`, and `w` has an element for each of its 64 indices.
            bytes.withUnsafeBufferPointer { bytes in
                var offset = start
                var index = 0
                while index < 16 {
                    w[index] =
                        UInt32(truncatingIfNeeded: bytes[offset]) &<< 24
                        | UInt32(truncatingIfNeeded: bytes[offset &+ 1]) &<< 16
                        | UInt32(truncatingIfNeeded: bytes[offset &+ 2]) &<< 8
                        | UInt32(truncatingIfNeeded: bytes[offset &+ 3])
                    offset &+= 4
                    index &+= 1
                }
            }
            var index = 16
            while index < 64 {
                let (x, y) = (w[index &- 15], w[index &- 2])
                let s0 = (x &>> 7 | x &<< 25) ^ (x &>> 18 | x &<< 14) ^ x &>> 3
                let s1 = (y &>> 17 | y &<< 15) ^ (y &>> 19 | y &<< 13) ^ y &>> 10
                w[index] = w[index &- 16] &+ s0 &+ w[index &- 7] &+ s1
                index &+= 1
            }
            var (a, b, c, d) = (state[0], state[1], state[2], state[3])
            var (e, f, g, h) = (state[4], state[5], state[6], state[7])
            Self.constants.withUnsafeBufferPointer { constants in
                var index = 0
                while index < 64 {
                    let s1 = (e &>> 6 | e &<< 26) ^ (e &>> 11 | e &<< 21) ^ (e &>> 25 | e &<< 7)
                    let choice = (e & f) ^ (~e & g)
                    let first = h &+ s1 &+ choice &+ constants[index] &+ w[index]
                    let s0 = (a &>> 2 | a &<< 30) ^ (a &>> 13 | a &<< 19) ^ (a &>> 22 | a &<< 10)
                    let majority = (a & b) ^ (a & c) ^ (b & c)
                    h = g
                    g = f
                    f = e
                    e = d &+ first
                    d = c
                    c = b
                    b = a
                    a = first &+ s0 &+ majority
                    index &+= 1
                }
            }
            state[0] &+= a
            state[1] &+= b
            state[2] &+= c
            state[3] &+= d
            state[4] &+= e
            state[5] &+= f
            state[6] &+= g
            state[7] &+= h
        }
    }

    /// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
    private static let constants: [UInt32] = [
        0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
        0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
        0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
        0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
        0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
        0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
        0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
        0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
    ]
}
