extension ConformanceCase {
    static let lengths: [ConformanceCase] =
        [
            "two equal": "Content-Length: 3\r\nContent-Length: 3\r\n",
            "two different": "Content-Length: 3\r\nContent-Length: 4\r\n",
            "a list": "Content-Length: 3, 3\r\n",
            "a plus sign": "Content-Length: +3\r\n",
            "negative": "Content-Length: -1\r\n",
            "negative zero": "Content-Length: -0\r\n",
            "hexadecimal": "Content-Length: 0x3\r\n",
            "octal": "Content-Length: 0o5\r\n",
            "an underscore": "Content-Length: 1_0\r\n",
            "a space inside": "Content-Length: 1 0\r\n",
            "empty": "Content-Length:\r\n",
            "only spaces": "Content-Length:   \r\n",
            "above 2^63": "Content-Length: 9223372036854775808\r\n",
            "20 digits": "Content-Length: 99999999999999999999\r\n",
            "leading zeros": "Content-Length: 00003\r\n",
            "a decimal point": "Content-Length: 3.0\r\n",
            "non-ASCII digits": "Content-Length: \u{0663}\r\n",
            "before a coding": "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
            "after a coding": "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        ].sorted { $0.key < $1.key }.map { .refused("length: \($0.key)", post($0.value)) }
        + [
            .served("length: white space around it", post("Content-Length: \t 3 \t \r\n"), body: "abc"),
            .served("length: no space before it", post("Content-Length:3\r\n"), body: "abc"),
            .served("length: zero", post("Content-Length: 0\r\n", ""), body: ""),
            .served("length: underscore in the name is another field", post("Content_Length: 9\r\n", ""), body: ""),
            .refused("length: more than the limit", post("Content-Length: 16777217\r\n", ""), 413),
        ]

    static let codings: [ConformanceCase] =
        [
            "empty": "Transfer-Encoding:\r\n",
            "chunked then identity": "Transfer-Encoding: chunked, identity\r\n",
            "chunked twice": "Transfer-Encoding: chunked, chunked\r\n",
            "chunked in two fields": "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "a parameter": "Transfer-Encoding: chunked;q=1\r\n",
            "quotes": "Transfer-Encoding: \"chunked\"\r\n",
            "vertical tab before": "Transfer-Encoding: \u{0B}chunked\r\n",
            "vertical tab after": "Transfer-Encoding: chunked\u{0B}\r\n",
            "form feed": "Transfer-Encoding: \u{0C}chunked\r\n",
            "NUL": "Transfer-Encoding: chunked\0\r\n",
            "a trailing comma": "Transfer-Encoding: chunked,\r\n",
            "a leading comma": "Transfer-Encoding: ,chunked\r\n",
            "folded": "Transfer-Encoding:\r\n chunked\r\n",
            "a space inside": "Transfer-Encoding: chunk ed\r\n",
            "a tab before": "Transfer-Encoding:\tchunked\r\n",
            "a tab after": "Transfer-Encoding: chunked\t\r\n",
            "a space before the colon": "Transfer-Encoding : chunked\r\n",
            "with a length": "Transfer-Encoding: gzip\r\nContent-Length: 3\r\n",
        ].sorted { $0.key < $1.key }.map { .refused("coding: \($0.key)", post($0.value, "0\r\n\r\n")) }
        + ["xchunked", "identity", "gzip, chunked", "gzip", "chunkedd"].map {
            .refused("coding: \($0)", post("Transfer-Encoding: \($0)\r\n", "0\r\n\r\n"), 501)
        }
        + [
            .refused(
                "coding: in HTTP/1.0",
                "POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            .served("coding: a space after it", post("Transfer-Encoding: chunked \r\n", "0\r\n\r\n"), body: ""),
            .served("coding: in any case", post("transfer-encoding: CHUNKED\r\n", "0\r\n\r\n"), body: ""),
            .served("coding: underscore in the name is another field", post("Transfer_Encoding: chunked\r\n", "")),
        ]

    static let chunks: [ConformanceCase] =
        [
            "size 0x5": "0x5\r\nhello\r\n0\r\n\r\n",
            "size +5": "+5\r\nhello\r\n0\r\n\r\n",
            "size -5": "-5\r\nhello\r\n0\r\n\r\n",
            "size 5_0": "5_0\r\nhello\r\n0\r\n\r\n",
            "space before the size": " 5\r\nhello\r\n0\r\n\r\n",
            "space after the size": "5 \r\nhello\r\n0\r\n\r\n",
            "empty size": "\r\nhello\r\n0\r\n\r\n",
            "17 digits": "00000000000000005\r\nhello\r\n0\r\n\r\n",
            "size above 2^63": "ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
            "not hexadecimal": "g\r\nhello\r\n0\r\n\r\n",
            "semicolon without a name": "5;\r\nhello\r\n0\r\n\r\n",
            "extension without a name": "5;=b\r\nhello\r\n0\r\n\r\n",
            "extension without a value": "5;a=\r\nhello\r\n0\r\n\r\n",
            "extension with an open quote": "5;a=\"b\r\nhello\r\n0\r\n\r\n",
            "extension with CR": "5;a\rb\r\nhello\r\n0\r\n\r\n",
            "extension with LF": "5;a\nb\r\nhello\r\n0\r\n\r\n",
            "extension with NUL": "5;a\0b\r\nhello\r\n0\r\n\r\n",
            "extension of 64 KB": "5;a=" + String(repeating: "b", count: 65_536) + "\r\nhello\r\n0\r\n\r\n",
            "extensions of 64 KB in all": String(
                repeating: "1;" + String(repeating: "b", count: 999) + "\r\nx\r\n", count: 66) + "0\r\n\r\n",
            "data longer than the size": "3\r\nhello\r\n0\r\n\r\n",
            "data shorter than the size": "5\r\nabc\r\n0\r\n\r\n",
            "LF after the size": "5\nhello\r\n0\r\n\r\n",
            "CR after the size": "5\rhello\r\n0\r\n\r\n",
            "LF after the data": "5\r\nhello\n0\r\n\r\n",
            "CR after the data": "5\r\nhello\r0\r\n\r\n",
            "nothing after the data": "5\r\nhello0\r\n\r\n",
            "LF after the last size": "0\n\r\n",
            "LF as the end": "0\r\n\n",
            "trailer without a colon": "0\r\nabc\r\n\r\n",
            "trailer with a space before the colon": "0\r\nA : b\r\n\r\n",
            "folded trailer": "0\r\nA: b\r\n c\r\n\r\n",
        ].sorted { $0.key < $1.key }.map { .refused("chunks: \($0.key)", chunked($0.value)) }
        + [
            .refused(
                "chunks: a trailer of 64 KB",
                chunked("0\r\nA: " + String(repeating: "b", count: 65_536) + "\r\n\r\n"), 431),
            .refused("chunks: a size above the limit", chunked("1000001\r\nhello"), 413),
            .served("chunks: upper-case size", chunked("A\r\n0123456789\r\n0\r\n\r\n"), body: "0123456789"),
            .served("chunks: leading zeros", chunked("0005\r\nhello\r\n000\r\n\r\n"), body: "hello"),
            .served("chunks: an extension", chunked("5;a=b\r\nhello\r\n0\r\n\r\n"), body: "hello"),
            .served("chunks: a quoted extension", chunked("5;a=\"q;\\\"\"\r\nhello\r\n0;x\r\n\r\n"), body: "hello"),
            .served("chunks: a trailer", chunked("5\r\nhello\r\n0\r\nA: b\r\n\r\n"), body: "hello"),
            .served("chunks: no data", chunked("0\r\n\r\n"), body: ""),
            .served(
                "chunks: many small ones", chunked(String(repeating: "1\r\nx\r\n", count: 500) + "0\r\n\r\n"),
                body: String(repeating: "x", count: 500)),
        ]
        + ["Content-Length: 9", "Transfer-Encoding: gzip", "Host: b", "Authorization: x", "Content-Type: y/z"].map {
            .served("chunks: trailer \($0) has no effect", chunked("5\r\nhello\r\n0\r\n\($0)\r\n\r\n"), body: "hello")
        }

    static let bodies: [ConformanceCase] = [
        .served(
            "body: of GET is no request",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 33\r\n\r\n"
                + "GET /stolen HTTP/1.1\r\nHost: a\r\n\r\n", body: "root"),
        .served(
            "body: of HEAD is no request",
            "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 33\r\n\r\n"
                + "GET /stolen HTTP/1.1\r\nHost: a\r\n\r\n", heads: [0]),
        .served(
            "body: of OPTIONS is no request",
            "OPTIONS / HTTP/1.1\r\nHost: a\r\nContent-Length: 33\r\n\r\n"
                + "GET /stolen HTTP/1.1\r\nHost: a\r\n\r\n", [204]),
        .served(
            "body: of DELETE is no request",
            "DELETE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "21\r\nGET /stolen HTTP/1.1\r\nHost: a\r\n\r\n\r\n0\r\n\r\n", [405]),
    ]
}
