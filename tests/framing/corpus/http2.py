"""HTTP/2 that becomes HTTP/1.1: pseudo-headers, forbidden fields, lengths that lie, line ends inside values."""
import dataclasses

from corpus.case import HELD, ONE, REFUSED, SMUGGLED, TARGET

PLAIN = ((b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"hs.test"), (b":path", TARGET))
INJECTED = b"x\r\nTransfer-Encoding: chunked"


@dataclasses.dataclass(frozen=True)
class Stream:
    """One stream: its fields, its DATA frames, its trailers. REFUSED: nothing whole reaches the worker. Without a
    `target`, any may."""
    name: str
    fields: tuple
    expect: str
    data: tuple = ()
    trailers: tuple = ()
    ends: bool = True
    body: bytes = b""
    target: bytes = TARGET
    most: int = 1


def plain(**pseudo):
    """The plain pseudo-headers, some of them with another value, or none."""
    named = {b":" + name.encode(): value for name, value in pseudo.items()}
    changed = [(name, named.get(name, value)) for name, value in PLAIN]
    return tuple((name, value) for name, value in changed if value is not None)


def one(name, *fields, head=PLAIN, body=b"", **more):
    return Stream(f"h2: {name}", (*head, *fields), ONE, body=body, **more)


def refused(name, *fields, head=PLAIN, **more):
    return Stream(f"h2: {name}", (*head, *fields), REFUSED, **more)


POST = plain(method=b"POST")

CASES = [
    one("plain"),
    one("HTTP scheme", head=plain(scheme=b"http")),
    one("a body", head=POST, data=(b"hello",), body=b"hello"),
    one("a body in pieces", head=POST, data=(b"hel", b"", b"lo"), body=b"hello"),
    one("a body with its length", (b"content-length", b"5"), head=POST, data=(b"hello",), body=b"hello"),
    one("a body of a GET", data=(b"hello",), body=b"hello"),
    one("a body that looks like a request", head=POST, data=(SMUGGLED,), body=SMUGGLED),
    one("a body that looks like chunks", head=POST, data=(b"0\r\n\r\n" + SMUGGLED,), body=b"0\r\n\r\n" + SMUGGLED),
    one("trailers", head=POST, data=(b"hello",), trailers=((b"x-sum", b"a"),), body=b"hello"),
    one("TE trailers", (b"te", b"trailers")),
    one("cookies in crumbs", (b"cookie", b"a=b"), (b"cookie", b"c=d")),
    one("a value with a tab", (b"x", b"a\tb")),
    one("a value above ASCII", (b"x", b"\xe9")),
    one("an empty value", (b"x", b"")),
    one("Host that agrees", (b"host", b"hs.test")),
    one("an escaped path", head=plain(path=b"/_matrix/a%2Fb?c=%20"), target=b"/_matrix/a%2Fb?c=%20"),
    one("an unknown method", head=plain(method=b"FROB")),
    Stream("h2: the body does not come", POST, HELD, ends=False),
    Stream("h2: part of the body comes", (*POST, (b"content-length", b"9")), HELD, data=(b"hello",), ends=False),
    refused("length: too long", (b"content-length", b"50"), head=POST, data=(b"hello",)),
    refused("length: too short", (b"content-length", b"1"), head=POST, data=(b"hello",)),
    refused("length: zero, a request follows", (b"content-length", b"0"), head=POST, data=(SMUGGLED,)),
    refused("length: without a body", (b"content-length", b"5"), head=POST),
    refused("length: two", (b"content-length", b"5"), (b"content-length", b"0"), head=POST, data=(b"hello",)),
    refused("length: plus", (b"content-length", b"+5"), head=POST, data=(b"hello",)),
    refused("length: words", (b"content-length", b"five"), head=POST, data=(b"hello",)),
    refused("length: with a line end", (b"content-length", b"5\r\nX: y"), head=POST, data=(b"hello",)),
    refused("pseudo: no method", head=plain(method=None)),
    refused("pseudo: no path", head=plain(path=None)),
    refused("pseudo: no scheme", head=plain(scheme=None)),
    refused("pseudo: neither authority nor Host", head=plain(authority=None)),
    refused("pseudo: two methods", (b":method", b"POST")),
    refused("pseudo: two paths", head=(*PLAIN, (b":path", b"/smuggled"))),
    refused("pseudo: two authorities", head=(*PLAIN, (b":authority", b"other.test"))),
    refused("pseudo: behind a field", (b"x", b"y"), (b":path", TARGET), head=plain(path=None)),
    refused("pseudo: unknown", head=(*PLAIN, (b":smuggled", b"x"))),
    refused("pseudo: of an answer", head=(*PLAIN, (b":status", b"200"))),
    # h2 takes no pseudo-header out of trailers.
    one("pseudo: in trailers", head=POST, data=(b"hello",), trailers=((b":path", b"/smuggled"),), body=b"hello"),
    refused("path: empty", head=plain(path=b"")),
    refused("path: asterisk", head=plain(path=b"*")),
    refused("path: no slash", head=plain(path=b"x")),
    refused("path: absolute", head=plain(path=b"http://other.test/")),
    refused("path: space", head=plain(path=b"/a b")),
    refused("path: a version", head=plain(path=b"/a HTTP/1.1")),
    refused("path: line end", head=plain(path=b"/a HTTP/1.1\r\nHost: other.test\r\n\r\nGET /smuggled")),
    # hyper cuts it off before we see it; others pass it on.
    one("path: fragment", head=plain(path=b"/a#b"), target=None),
    refused("path: NUL", head=plain(path=b"/a\0b")),
    refused("path: above ASCII", head=plain(path=b"/\xc3\xa9")),
    refused("method: space", head=plain(method=b"GET /smuggled HTTP/1.1\r\n")),
    refused("method: empty", head=plain(method=b"")),
    refused("method: CONNECT", head=plain(method=b"CONNECT", scheme=None, path=None)),
    refused("method: CONNECT with a path", head=plain(method=b"CONNECT")),
    refused("scheme: line end", head=plain(scheme=b"https\r\nX: y")),
    refused("authority: line end", head=plain(authority=b"hs.test\r\nX: y")),
    refused("authority: a path", head=plain(authority=b"hs.test/x")),
    refused("authority: a user", head=plain(authority=b"user@hs.test")),
    refused("authority: a space", head=plain(authority=b"hs.test x")),
    refused("Host: another", (b"host", b"other.test")),
    refused("Host: two", (b"host", b"hs.test"), (b"host", b"other.test"), head=plain(authority=None)),
    refused("forbidden: Connection", (b"connection", b"close")),
    refused("forbidden: Keep-Alive", (b"keep-alive", b"timeout=5")),
    refused("forbidden: Proxy-Connection", (b"proxy-connection", b"close")),
    refused("forbidden: Transfer-Encoding", (b"transfer-encoding", b"chunked"), head=POST,
            data=(b"0\r\n\r\n" + SMUGGLED,)),
    refused("forbidden: Upgrade", (b"upgrade", b"websocket")),
    refused("forbidden: TE gzip", (b"te", b"gzip")),
    refused("name: capitals", (b"X-Y", b"z")),
    refused("name: Transfer-Encoding in capitals", (b"Transfer-Encoding", b"chunked"), head=POST),
    refused("name: empty", (b"", b"y")),
    refused("name: space", (b"x y", b"z")),
    refused("name: colon", (b"x: y\r\nz", b"a")),
    refused("name: line end", (b"x\r\ntransfer-encoding: chunked\r\ny", b"z")),
    refused("name: NUL", (b"x\0", b"y")),
    refused("value: CR LF", (b"x", INJECTED)),
    refused("value: LF", (b"x", b"a\nb")),
    refused("value: CR", (b"x", b"a\rb")),
    refused("value: NUL", (b"x", b"a\0b")),
    refused("value: control byte", (b"x", b"a\x01b")),
    refused("value: delete", (b"x", b"a\x7fb")),
    refused("trailer: CR LF in a value", head=POST, data=(b"hello",), trailers=((b"x", INJECTED),)),
    refused("many fields: 200", *[(b"x", b"y")] * 200),
    refused("long field: 20,000 bytes", (b"x", b"y" * 20000)),
]
