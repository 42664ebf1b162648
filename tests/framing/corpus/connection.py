"""Tokens of Connection, upgrades, expectations, and what follows a request."""
from corpus.case import SMUGGLED, get, one, post, refused


def named(field, *more, body=b""):
    return refused(f"connection: names {field.decode()}", get(b"Connection: close, " + field, *more) + body)


CASES = [
    one("connection: close", get(b"Connection: close")),
    one("connection: close, a request follows", get(b"Connection: close") + SMUGGLED),
    one("connection: keep-alive", get(b"Connection: keep-alive")),
    one("connection: close and keep-alive", get(b"Connection: close, keep-alive")),
    one("connection: two fields", get(b"Connection: keep-alive", b"Connection: close")),
    one("connection: empty parts", get(b"Connection: ,, ,")),
    one("connection: quoted", get(b'Connection: "close"')),
    one("connection: names a field", get(b"Connection: x-hop", b"X-Hop: a")),
    one("connection: names X-Request-Id", get(b"Connection: x-request-id", b"X-Request-Id: a")),
    named(b"Content-Length", b"Content-Length: 5", body=b"hello"),
    named(b"Transfer-Encoding", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    named(b"Host"),
    named(b"Authorization", b"Authorization: Bearer a"),
    named(b"Cookie"),
    named(b"X-Forwarded-For"),
    named(b"X-Forwarded-Proto"),
    one("connection: Keep-Alive", get(b"Keep-Alive: timeout=5")),
    one("connection: Proxy-Connection", get(b"Proxy-Connection: close")),
    one("connection: TE trailers", get(b"Connection: TE", b"TE: trailers")),
    one("upgrade: websocket", get(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13",
                                  b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")),
    one("upgrade: h2c", get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")),
    one("upgrade: without Connection", get(b"Upgrade: h2c")),
    one("expect: 100-continue", post(b"Expect: 100-continue", b"Content-Length: 5", body=b"hello"), b"hello"),
    one("expect: another case", post(b"Expect: 100-Continue", b"Content-Length: 5", body=b"hello"), b"hello"),
    one("expect: no body", get(b"Expect: 100-continue")),
    one("expect: HTTP/1.0", post(b"Expect: 100-continue", b"Content-Length: 5", body=b"hello", version=b"HTTP/1.0"),
        b"hello"),
    refused("expect: something else", get(b"Expect: 200-ok")),
    refused("expect: a list", get(b"Expect: 100-continue, x")),
    refused("expect: empty", get(b"Expect:")),
    one("follows: a request", get() + SMUGGLED, most=2),
    one("follows: no HTTP", get() + b"hello\r\n\r\n"),
    one("follows: a request with LF", get() + SMUGGLED.replace(b"\r\n", b"\n")),
    one("follows: a request without a Host", get() + b"GET /smuggled HTTP/1.1\r\n\r\n"),
]
