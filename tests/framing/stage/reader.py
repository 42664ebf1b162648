"""HTTP/1.1 by the letter of RFC 9112 and no more lenient: what this cannot read in one way, another may read in two."""
import dataclasses
import re

REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP/1\.([01])")
STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)")
FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}")


class Unclear(Exception):
    """The bytes are no message that everyone reads alike."""


class Partial(Exception):
    """The bytes are the start of a message."""


@dataclasses.dataclass(frozen=True)
class Message:
    """`line` is (method, target) or (status, reason); `ends` is False for an answer that only a close can end."""
    line: tuple
    fields: tuple
    body: bytes
    length: int
    ends: bool = True
    closes: bool = False

    def values(self, name):
        return [value for field, value in self.fields if field.lower() == name]


def request(data):
    """The request at the start of `data`."""
    found, fields, at = head(data, REQUEST_LINE)
    if len([name for name, _ in fields if name.lower() == b"host"]) != 1:
        raise Unclear("not exactly one Host")
    kind, length = framing(fields)
    body, end = content(data, at, kind or "length", length or 0)
    return Message((found[1], found[2]), fields, body, end)


def answer(data, to_head=False, closed=False):
    """The final answer at the start of `data`, and how many bytes of 1xx stand before it."""
    found, fields, at = head(data, STATUS_LINE)
    status = int(found[2])
    kind, length = framing(fields)
    bodiless = to_head or status < 200 or status in (204, 304)
    if kind and (status < 200 or status == 204):
        # RFC 9110, section 8.6: a reader that believes it waits for what never comes.
        raise Unclear(f"a length in a {status}")
    if bodiless:
        body, end, ends = b"", at, True
    elif kind:
        (body, end), ends = content(data, at, kind, length), True
    elif closed:
        body, end, ends = data[at:], len(data), False
    else:
        raise Partial
    tokens = b",".join(value for name, value in fields if name.lower() == b"connection").lower().split(b",")
    closes = not ends or b"close" in [token.strip() for token in tokens] or found[1] == b"0"
    return Message((status, found[3]), fields, body, end, ends, closes)


def head(data, first):
    """The match of the first line, the fields, and where the body begins."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        raise Partial
    lines = data[:end].split(b"\r\n")
    found = first.fullmatch(lines[0])
    fields = [FIELD.fullmatch(line) for line in lines[1:]]
    if not found or not all(fields):
        raise Unclear(repr(data[:end][:300]))
    return found, tuple(field.groups() for field in fields), end + 4


def framing(fields):
    """("length", n), ("chunked", None), or (None, None)."""
    lengths = [value for name, value in fields if name.lower() == b"content-length"]
    codings = [value for name, value in fields if name.lower() == b"transfer-encoding"]
    if len(lengths) + len(codings) > 1:
        raise Unclear("two fields say where the body ends")
    if lengths and not re.fullmatch(rb"[0-9]{1,19}", lengths[0]):
        raise Unclear("the length is no number")
    if codings and codings[0].lower() != b"chunked":
        raise Unclear("a coding besides chunked")
    return ("length", int(lengths[0])) if lengths else ("chunked", None) if codings else (None, None)


def content(data, at, kind, length):
    """The payload and where it ends."""
    if kind == "length":
        if len(data) < at + length:
            raise Partial
        return data[at:at + length], at + length
    return chunks(data, at)


def chunks(data, at):
    payload = b""
    while True:
        size, at = line(data, at)
        if not SIZE.fullmatch(size):
            raise Unclear(f"the size of a chunk: {size[:40]!r}")
        size = int(size, 16)
        if not size:
            break
        if len(data) < at + size + 2:
            raise Partial
        if data[at + size:at + size + 2] != b"\r\n":
            raise Unclear("a chunk is longer than its size")
        payload, at = payload + data[at:at + size], at + size + 2
    while True:
        field, at = line(data, at)
        if not field:
            return payload, at
        if not FIELD.fullmatch(field):
            raise Unclear("a trailer")


def line(data, at):
    end = data.find(b"\r\n", at)
    if end < 0:
        if len(data) - at > 16384:
            raise Unclear("a line without an end")
        raise Partial
    return data[at:end], end + 2
