import CZlib

/// Inflates DEFLATE data (RFC 1951) with zlib, up to a given size.
///
/// The stream is allocated on the heap, because zlib keeps a pointer to it.
struct Inflater: ~Copyable {
    /// The container of the DEFLATE data; the raw values are zlib's `windowBits`.
    enum Wrapping: Int32 {
        /// Nothing, as in zip entries.
        case none = -15
        /// RFC 1950.
        case zlib = 15
        /// RFC 1952.
        case gzip = 31
    }

    private let stream: UnsafeMutablePointer<z_stream>

    init(_ wrapping: Wrapping) throws(FormatError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard czlib_inflate_init(stream, wrapping.rawValue) == Z_OK else {
            stream.deallocate()
            throw FormatError(.internal, "zlib could not start to inflate")
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Inflates one stream from the front of `input` and appends the result to `output`.
    ///
    /// - Parameter cap: the most bytes that `output` may have afterwards.
    /// - Returns: the length of the stream in `input`.
    /// - Throws: `bad_encoding`, or `inflated_too_large` beyond `cap`.
    mutating func inflate(
        _ input: ArraySlice<UInt8>, into output: inout [UInt8], cap: Int
    ) throws(FormatError) -> Int {
        guard inflateReset(stream) == Z_OK else { throw FormatError(.internal, "zlib could not start over") }
        var consumed = 0
        var room = min(max(4096, input.count), 1 << 20)
        while true {
            let before = output.count
            let step = try pump(input.dropFirst(consumed), into: &output, room: room)
            consumed += step.consumed
            guard output.count <= cap else {
                throw FormatError(.inflatedTooLarge, "inflates to more than \(cap) bytes")
            }
            if step.isDone { return consumed }
            if step.consumed == 0, output.count == before {
                throw FormatError(.badEncoding, "compressed data cut short after \(input.count) bytes")
            }
            room = min(room * 2, 1 << 20, max(cap - output.count, 0) + 1)
        }
    }

    /// Calls zlib once. Sound because both buffers outlive the call and their sizes are passed.
    /// - Parameter room: the most bytes to append to `output`.
    private mutating func pump(
        _ input: ArraySlice<UInt8>, into output: inout [UInt8], room: Int
    ) throws(FormatError) -> (consumed: Int, isDone: Bool) {
        let available = min(input.count, 1 << 30)
        let start = output.count
        output.append(contentsOf: repeatElement(0, count: room))
        let status = input.withUnsafeBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
                stream.pointee.avail_in = UInt32(available)
                stream.pointee.next_out = target.baseAddress?.advanced(by: start)
                stream.pointee.avail_out = UInt32(room)
                defer {
                    stream.pointee.next_in = nil
                    stream.pointee.next_out = nil
                }
                return CZlib.inflate(stream, Z_NO_FLUSH)
            }
        }
        output.removeLast(Int(stream.pointee.avail_out))
        switch status {
        case Z_OK, Z_BUF_ERROR, Z_STREAM_END:
            return (available - Int(stream.pointee.avail_in), status == Z_STREAM_END)
        case Z_NEED_DICT: throw FormatError(.badEncoding, "compressed data needs a preset dictionary")
        case Z_MEM_ERROR: throw FormatError(.internal, "zlib is out of memory")
        default: throw FormatError(.badEncoding, "compressed data is damaged")
        }
    }
}
