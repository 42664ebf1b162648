"""Raw answers of a worker, and what Thalamus must make of them."""
import dataclasses

from corpus.case import get, post

ONE, BAD, CUT = "one", "bad", "cut"
GET, HEAD = get(), get(method=b"HEAD")
SECOND = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled"
HELLO = b"5\r\nhello\r\n"
LAST = b"0\r\n\r\n"


@dataclasses.dataclass(frozen=True)
class Answer:
    """`expect` is ONE (the client gets this status and body, and nothing more), BAD (it gets a 502 of our own) or CUT
    (the connection ends before the answer does). The worker `closes` behind it, or answers `early`, before the body."""
    name: str
    raw: bytes
    expect: str
    status: int = 200
    body: bytes = b""
    closes: bool = False
    early: bool = False
    request: bytes = GET


def one(name, raw, body=b"", **more):
    return Answer(name, raw, ONE, body=body, **more)


def bad(name, raw, **more):
    return Answer(name, raw, BAD, 502, closes=True, **more)


def cut(name, raw, **more):
    return Answer(name, raw, CUT, closes=True, **more)


def head(*fields, line=b"HTTP/1.1 200 OK"):
    return b"\r\n".join([line, *fields, b"", b""])


def sized(body=b"hello", *fields, line=b"HTTP/1.1 200 OK", length=None):
    value = str(len(body)).encode() if length is None else length
    return head(b"Content-Length: " + value, *fields, line=line) + body


def chunked(body, *fields, line=b"HTTP/1.1 200 OK"):
    return head(b"Transfer-Encoding: chunked", *fields, line=line) + body


def interim(count, line=b"HTTP/1.1 103 Early Hints"):
    return head(b"Link: </a>", line=line) * count


CASES = [
    one("answer: length", sized(), b"hello"),
    one("answer: zero length", sized(b"")),
    one("answer: chunks", chunked(HELLO + LAST), b"hello"),
    one("answer: chunks with a trailer", chunked(HELLO + b"0\r\nX-Sum: a\r\n\r\n"), b"hello"),
    one("answer: until close", head() + b"hello", b"hello", closes=True),
    one("answer: Connection close", sized(b"hello", b"Connection: close"), b"hello", closes=True),
    one("answer: Connection keep-alive", sized(b"hello", b"Connection: keep-alive"), b"hello"),
    one("answer: HTTP/1.0 with a length", sized(line=b"HTTP/1.0 200 OK"), b"hello", closes=True),
    one("answer: HTTP/1.0 until close", head(line=b"HTTP/1.0 200 OK") + b"hello", b"hello", closes=True),
    one("answer: no reason", sized(line=b"HTTP/1.1 200 "), b"hello"),
    one("answer: unknown status", sized(line=b"HTTP/1.1 299 X"), b"hello", status=299),
    one("answer: bytes above ASCII in a value", sized(b"hello", b"X: \xe9"), b"hello"),
    one("answer: 204", head(line=b"HTTP/1.1 204 No Content"), status=204),
    one("answer: 204 with a length", sized(b"", line=b"HTTP/1.1 204 No Content", length=b"5"), status=204),
    one("answer: 304 with a length", sized(b"", line=b"HTTP/1.1 304 Not Modified", length=b"5"), status=304),
    one("answer: 304 says chunked", chunked(b"", line=b"HTTP/1.1 304 Not Modified"), status=304),
    one("answer: to HEAD with a length", sized(b"", length=b"5"), request=HEAD),
    one("answer: to HEAD says chunked", chunked(b""), request=HEAD),
    one("early: before the body", sized(), b"hello", early=True,
        request=post(b"Content-Length: 500000", body=b"hello")),
    one("early: 413 and close", sized(b"no", b"Connection: close", line=b"HTTP/1.1 413 Too Large"), b"no", status=413,
        early=True, closes=True, request=post(b"Content-Length: 500000", body=b"hello")),
    one("early: before the chunks end", sized(), b"hello", early=True,
        request=post(b"Transfer-Encoding: chunked", body=HELLO)),
    one("1xx: 100", interim(1, b"HTTP/1.1 100 Continue") + sized(), b"hello"),
    one("1xx: 103", interim(1) + sized(), b"hello"),
    one("1xx: three kinds", interim(1, b"HTTP/1.1 100 Continue") + interim(1, b"HTTP/1.1 102 Processing") + interim(1)
        + sized(), b"hello"),
    one("1xx: eight", interim(8) + sized(), b"hello"),
    bad("1xx: nine", interim(9) + sized()),
    bad("1xx: a thousand", interim(1000) + sized()),
    bad("1xx: 101 that nobody asked for", head(b"Upgrade: x", b"Connection: upgrade", line=b"HTTP/1.1 101 X")),
    one("1xx: with a length", head(b"Content-Length: 5", line=b"HTTP/1.1 103 X") + sized(), b"hello"),
    one("behind: another answer", sized() + SECOND, b"hello"),
    one("behind: another answer after chunks", chunked(HELLO + LAST) + SECOND, b"hello"),
    one("behind: bytes after a length", sized() + b"more", b"hello"),
    one("behind: a body after 204", head(line=b"HTTP/1.1 204 No Content") + SECOND, status=204),
    one("behind: a body after 304", sized(b"hello", line=b"HTTP/1.1 304 Not Modified") + SECOND, status=304),
    one("behind: a body to HEAD", sized() + SECOND, request=HEAD),
    one("behind: two empty lines", sized() + b"\r\n\r\n", b"hello"),
    cut("short: length", sized(length=b"500")),
    cut("short: the last chunk does not come", chunked(HELLO)),
    cut("short: half a chunk", chunked(b"50\r\nhello")),
    bad("lengths: twice the same", sized(b"hello", b"Content-Length: 5")),
    bad("lengths: twice", sized(b"hello", b"Content-Length: 0")),
    bad("lengths: and chunks", chunked(HELLO + LAST, b"Content-Length: 5")),
    bad("lengths: list", sized(length=b"5, 5")),
    bad("lengths: plus", sized(length=b"+5")),
    bad("lengths: minus", sized(length=b"-1")),
    bad("lengths: hexadecimal", sized(length=b"0x5")),
    bad("lengths: empty", sized(length=b"")),
    bad("lengths: words", sized(length=b"five")),
    bad("lengths: overflows 64 bits", sized(length=b"18446744073709551621")),
    bad("lengths: space before the colon", head(b"Content-Length : 5") + b"hello"),
    bad("coding: gzip, chunked", head(b"Transfer-Encoding: gzip, chunked") + HELLO + LAST),
    bad("coding: identity", head(b"Transfer-Encoding: identity") + b"hello"),
    bad("coding: unknown", head(b"Transfer-Encoding: xchunked") + HELLO + LAST),
    bad("coding: twice", chunked(HELLO + LAST, b"Transfer-Encoding: chunked")),
    bad("coding: HTTP/1.0", chunked(HELLO + LAST, line=b"HTTP/1.0 200 OK")),
    bad("coding: folded", head(b"Transfer-Encoding:\r\n chunked") + HELLO + LAST),
    cut("chunks: extension", chunked(b"5;a=b\r\nhello\r\n" + LAST)),
    cut("chunks: LF", chunked(b"5\nhello\n0\n\n")),
    cut("chunks: space behind the size", chunked(b"5 \r\nhello\r\n" + LAST)),
    cut("chunks: longer than its size", chunked(b"5\r\nhellox\r\n" + LAST)),
    cut("chunks: no hexadecimal", chunked(b"g\r\nhello\r\n" + LAST)),
    cut("chunks: size overflows", chunked(b"10000000000000005\r\nhello\r\n" + LAST)),
    cut("chunks: another answer in the trailer", chunked(HELLO + b"0\r\n" + SECOND)),
    bad("lines: LF", sized().replace(b"\r\n", b"\n")),
    bad("lines: one LF", sized().replace(b"\r\n", b"\n", 1)),
    bad("lines: empty line is a LF", sized().replace(b"\r\n\r\n", b"\r\n\n")),
    bad("lines: CR in a value", sized(b"hello", b"X: y\rz")),
    bad("lines: LF in a value", sized(b"hello", b"X: y\nSet-Cookie: z")),
    bad("lines: fold", sized(b"hello", b"X: y\r\n z")),
    bad("lines: NUL in a value", sized(b"hello", b"X: a\0b")),
    bad("lines: control byte in a value", sized(b"hello", b"X: a\x01b")),
    bad("lines: delete in a value", sized(b"hello", b"X: a\x7fb")),
    bad("lines: no colon", sized(b"hello", b"X")),
    bad("lines: empty name", sized(b"hello", b": y")),
    bad("lines: space in a name", sized(b"hello", b"X Y: z")),
    bad("lines: 200 fields", sized(b"hello", *[b"X: y"] * 200)),
    bad("lines: 100,000 bytes", sized(b"hello", *[b"X: " + b"y" * 5000] * 20)),
    bad("status: two digits", sized(line=b"HTTP/1.1 99 X")),
    bad("status: four digits", sized(line=b"HTTP/1.1 2000 X")),
    bad("status: zero", sized(line=b"HTTP/1.1 000 X")),
    bad("status: letters", sized(line=b"HTTP/1.1 20x X")),
    bad("status: plus", sized(line=b"HTTP/1.1 +20 X")),
    bad("status: none", sized(line=b"HTTP/1.1")),
    bad("status: two spaces before it", sized(line=b"HTTP/1.1  200 OK")),
    bad("status: NUL in the reason", sized(line=b"HTTP/1.1 200 O\0K")),
    bad("status: CR in the reason", sized(line=b"HTTP/1.1 200 O\rK")),
    bad("version: HTTP/2.0", sized(line=b"HTTP/2.0 200 OK")),
    bad("version: HTTP/1.2", sized(line=b"HTTP/1.2 200 OK")),
    bad("version: lower case", sized(line=b"http/1.1 200 OK")),
    bad("version: ICY", sized(line=b"ICY 200 OK")),
    bad("version: none at all", b"hello\r\n\r\n"),
    bad("connection: names Content-Length", sized(b"hello", b"Connection: content-length")),
    bad("connection: names Transfer-Encoding", chunked(HELLO + LAST, b"Connection: transfer-encoding")),
]
