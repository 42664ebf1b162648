"""Transfer-Encoding in every spelling, and the chunks themselves."""
from corpus.case import SMUGGLED, held, one, post, refused

CODING = b"Transfer-Encoding: "
CHUNKED = CODING + b"chunked"
LAST = b"0\r\n\r\n"
HELLO = b"5\r\nhello\r\n"
# The same bytes as the payload of a chunk: what is smuggled when the coding is not seen.
INSIDE = b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n" + LAST


def coded(value, body=HELLO + LAST):
    return post(CODING + value, body=body)


def chunks(body):
    return post(CHUNKED, body=body)


CASES = [
    one("coding: chunked", coded(b"chunked"), b"hello"),
    one("coding: in capitals", coded(b"CHUNKED"), b"hello"),
    one("coding: tab before it", coded(b"\tchunked"), b"hello"),
    one("coding: space behind it", coded(b"chunked "), b"hello"),
    refused("coding: empty", coded(b"")),
    refused("coding: unknown", coded(b"xchunked")),
    refused("coding: identity", coded(b"identity")),
    refused("coding: gzip, chunked", coded(b"gzip, chunked")),
    refused("coding: chunked, gzip", coded(b"chunked, gzip")),
    refused("coding: chunked, identity", coded(b"chunked, identity")),
    refused("coding: identity, chunked", coded(b"identity, chunked")),
    refused("coding: chunked twice in a list", coded(b"chunked, chunked")),
    refused("coding: trailing comma", coded(b"chunked,")),
    refused("coding: leading comma", coded(b", chunked")),
    refused("coding: parameter", coded(b"chunked;q=1")),
    refused("coding: quoted", coded(b'"chunked"')),
    refused("coding: NUL", coded(b"chunked\0")),
    refused("coding: vertical tab", coded(b"\x0bchunked")),
    refused("coding: carriage return", coded(b"chunked\r")),
    refused("coding: no-break space", coded(b"chunked\xa0")),
    refused("coding: spelt with a long s", coded("chun\u212aed".encode())),
    refused("coding: two fields", post(CHUNKED, CHUNKED, body=HELLO + LAST)),
    refused("coding: two fields, one unknown", post(CHUNKED, CODING + b"x", body=INSIDE)),
    refused("coding: two fields, identity first", post(CODING + b"identity", CHUNKED, body=INSIDE)),
    refused("coding: space before the colon", post(b"Transfer-Encoding : chunked", body=INSIDE)),
    refused("coding: space in the name", post(b"Transfer Encoding: chunked", body=INSIDE)),
    refused("coding: folded", post(b"Transfer-Encoding:\r\n chunked", body=INSIDE)),
    refused("coding: behind a bare LF", post(b"X: y\nTransfer-Encoding: chunked", body=INSIDE)),
    refused("coding: behind a bare CR", post(b"X: y\rTransfer-Encoding: chunked", body=INSIDE)),
    refused("coding: HTTP/1.0", post(CHUNKED, body=HELLO + LAST, version=b"HTTP/1.0")),
    one("coding: underscore in the name", post(b"Transfer_Encoding: chunked")),
    one("coding: named TE", post(b"TE: chunked")),
    one("coding: another field's name", post(b"X-Transfer-Encoding: chunked")),

    one("chunks: none", chunks(LAST)),
    one("chunks: many zeros", chunks(b"000" + LAST)),
    one("chunks: size with zeros", chunks(b"005\r\nhello\r\n" + LAST), b"hello"),
    one("chunks: size in capitals", chunks(b"A\r\n0123456789\r\n" + LAST), b"0123456789"),
    one("chunks: a request follows", chunks(LAST + SMUGGLED), most=2),
    one("chunks: a chunk looks like a request", chunks(INSIDE), SMUGGLED),
    one("chunks: trailer", chunks(LAST[:3] + b"X-Sum: a\r\n\r\n")),
    one("chunks: trailer names a length", chunks(LAST[:3] + b"Content-Length: 43\r\n\r\n")),
    refused("chunks: extension", chunks(b"5;a=b\r\nhello\r\n" + LAST)),
    refused("chunks: extension of the last", chunks(b"0;a=b\r\n\r\n")),
    refused("chunks: extension with a LF", chunks(b"5;\nxx\r\nhello\r\n" + LAST)),
    refused("chunks: extension, quoted CR LF", chunks(b'5;a="\r\n"\r\nhello\r\n' + LAST)),
    refused("chunks: size ends with LF", chunks(b"5\nhello\r\n" + LAST)),
    refused("chunks: size ends with CR", chunks(b"5\rhello\r\n" + LAST)),
    refused("chunks: space behind the size", chunks(b"5 \r\nhello\r\n" + LAST)),
    refused("chunks: space before the size", chunks(b" 5\r\nhello\r\n" + LAST)),
    refused("chunks: plus", chunks(b"+5\r\nhello\r\n" + LAST)),
    refused("chunks: minus", chunks(b"-5\r\nhello\r\n" + LAST)),
    refused("chunks: 0x", chunks(b"0x5\r\nhello\r\n" + LAST)),
    refused("chunks: underscore", chunks(b"1_0\r\nhello\r\n" + LAST)),
    refused("chunks: no size", chunks(b"\r\nhello\r\n" + LAST)),
    refused("chunks: no hexadecimal", chunks(b"g\r\nhello\r\n" + LAST)),
    refused("chunks: size overflows 64 bits", chunks(b"10000000000000005\r\nhello\r\n" + LAST)),
    held("chunks: size overflows 32 bits", chunks(b"100000005\r\nhello\r\n" + LAST)),
    refused("chunks: longer than its size", chunks(b"5\r\nhellox\r\n" + LAST)),
    refused("chunks: shorter than its size", chunks(b"7\r\nhello\r\n" + LAST)),
    refused("chunks: data ends with LF", chunks(b"5\r\nhello\n" + LAST)),
    refused("chunks: data ends with two bytes", chunks(b"5\r\nhelloXX" + LAST)),
    refused("chunks: last ends with LF", chunks(b"0\r\n\n" + SMUGGLED)),
    refused("chunks: trailer without a name", chunks(b"0\r\n: v\r\n\r\n")),
    refused("chunks: trailer without a colon", chunks(b"0\r\nname\r\n\r\n")),
    refused("chunks: trailer folded", chunks(b"0\r\nx: y\r\n z\r\n\r\n")),
    refused("chunks: trailer with a NUL", chunks(b"0\r\nx: \0\r\n\r\n")),
    refused("chunks: trailer with a bare LF", chunks(b"0\r\nx: y\nGET /smuggled HTTP/1.1\r\n\r\n")),
    refused("chunks: a request in place of the last CR LF", chunks(b"0\r\n" + SMUGGLED)),
    held("chunks: the last does not come", chunks(HELLO)),
    held("chunks: the empty line does not come", chunks(b"0\r\n")),
]
