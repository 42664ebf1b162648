"""One raw request, and what Thalamus must make of it."""
import dataclasses

TARGET = b"/_matrix/client/v3/case"
HOST = b"Host: hs.test"
# What an attacker wants a worker to see: it stands where a body or a field should be.
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: hs.test\r\n\r\n"
# Its length, as a Content-Length says it.
ITS_LENGTH = str(len(SMUGGLED)).encode()

ONE, REFUSED, HELD = "one", "refused", "held"


@dataclasses.dataclass(frozen=True)
class Case:
    """`expect` is ONE (one whole request reaches the worker), REFUSED (none does, and the answer has `status`) or
    HELD (the message is not whole: none does, and nothing is answered)."""
    name: str
    raw: bytes
    expect: str
    status: int = 0
    body: bytes = b""
    # Requests that stand in `raw`, by the letter of RFC 9112; no worker may see more.
    most: int = 1
    target: bytes = TARGET


def get(*fields, target=TARGET, version=b"HTTP/1.1", method=b"GET", host=HOST):
    """A head of these fields, with a Host before them."""
    line = b" ".join(part for part in (method, target, version) if part is not None)
    return b"\r\n".join([line, *([host] if host is not None else []), *fields, b"", b""])


def post(*fields, body=b"", **more):
    return get(*fields, method=b"POST", **more) + body


def one(name, raw, body=b"", **more):
    return Case(name, raw, ONE, body=body, **more)


def refused(name, raw, status=400, **more):
    return Case(name, raw, REFUSED, status, **more)


def held(name, raw):
    return Case(name, raw, HELD)
