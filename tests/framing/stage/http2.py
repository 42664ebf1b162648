"""An HTTP/2 client that sends what no library would: frames by hand, fields as literals."""
import asyncio
import ssl
import struct

from stage.client import HANGS, Said

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY, CONTINUATION = 0, 1, 3, 4, 7, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1
CASE, MARKER = 1, 3
# The first byte of a block whose only wanted field stands in HPACK's static table.
STATUSES = {0x88: 200, 0x8c: 400, 0x8d: 404, 0x8e: 500}
MARKER_FIELDS = ((b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"hs.test"), (b":path", b"/marker"))
FRAME = 16384


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def block(fields):
    """HPACK without its tables and its Huffman code (RFC 7541, section 6.2.2)."""
    return b"".join(b"\0" + text(name) + text(value) for name, value in fields)


def text(value):
    if len(value) < 127:
        return bytes([len(value)]) + value
    rest, coded = len(value) - 127, b"\x7f"
    while rest >= 128:
        coded, rest = coded + bytes([rest % 128 | 128]), rest // 128
    return coded + bytes([rest]) + value


def head(stream, fields, ends):
    coded = block(fields)
    pieces = [coded[at:at + FRAME] for at in range(0, len(coded), FRAME)] or [b""]
    for place, piece in enumerate(pieces):
        flags = (END_STREAM if ends and not place else 0) | (END_HEADERS if place == len(pieces) - 1 else 0)
        yield frame(CONTINUATION if place else HEADERS, flags, stream, piece)


def frames(case):
    """What a client sends for one case."""
    has_more = bool(case.data or case.trailers or not case.ends)
    yield from head(CASE, case.fields, not has_more)
    for place, piece in enumerate(case.data):
        is_last = case.ends and not case.trailers and place == len(case.data) - 1
        yield frame(DATA, END_STREAM if is_last else 0, CASE, piece)
    if case.trailers:
        yield from head(CASE, case.trailers, True)


class Answer:
    """As much of an answer as the judge asks for: `line` is (status, ), 0 for a stream that was reset."""

    def __init__(self, status):
        self.line, self.closes, self.body = (status, b""), False, b"marker"


class Client2:
    """As `Client`, in TLS and HTTP/2."""

    def __init__(self, host, port, certificate):
        self.host, self.port = host, port
        self.tls = ssl.create_default_context(cafile=certificate)
        self.tls.set_alpn_protocols(["h2", "http/1.1"])

    async def speaks(self):
        """True when the other side chooses HTTP/2."""
        _, writer = await self.connect()
        chosen = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        writer.close()
        return chosen == "h2"

    async def connect(self):
        opened = asyncio.open_connection(self.host, self.port, ssl=self.tls, server_hostname="hs.test")
        return await asyncio.wait_for(opened, HANGS)

    async def run(self, case, patience):
        """Sends the case's stream and waits for its end, then the same with the marker's."""
        reader, writer = await self.connect()
        ear = Ear(reader)
        try:
            await ear.say(writer, PREFACE + frame(SETTINGS, 0, 0) + frame(SETTINGS, ACK, 0) + b"".join(frames(case)))
            answers, closed, after = await ear.hear(CASE, patience), ear.closed, []
            if not closed:
                await ear.say(writer, b"".join(head(MARKER, MARKER_FIELDS, True)))
                after = await ear.hear(MARKER, patience)
            return Said(answers, after, "", ear.data, closed)
        finally:
            writer.close()


class Ear:
    """Reads frames, and keeps how streams ended. A GOAWAY counts as closed: what follows is not served."""

    def __init__(self, reader):
        self.reader, self.data, self.closed = reader, b"", False
        self.statuses, self.ended = {}, set()

    async def say(self, writer, raw):
        try:
            writer.write(raw)
            await writer.drain()
        except (ConnectionError, ssl.SSLError):
            pass

    async def hear(self, stream, patience):
        until = asyncio.get_running_loop().time() + patience
        while stream not in self.ended and not self.closed:
            try:
                left = until - asyncio.get_running_loop().time()
                piece = await asyncio.wait_for(self.reader.read(65536), max(left, 0))
            except asyncio.TimeoutError:
                break
            except (ConnectionError, ssl.SSLError):
                piece = b""
            self.closed |= not piece
            self.data += piece
            self.read()
        return [Answer(self.statuses.get(stream, 0))] if stream in self.ended else []

    def read(self):
        while len(self.data) >= 9:
            length = int.from_bytes(self.data[:3], "big")
            kind, flags, stream = struct.unpack(">BBI", self.data[3:9])
            if len(self.data) < 9 + length:
                return
            payload, self.data = self.data[9:9 + length], self.data[9 + length:]
            if kind == HEADERS and payload:
                self.statuses[stream] = STATUSES.get(payload[0], 999)
            if kind == RST_STREAM or (kind in (DATA, HEADERS) and flags & END_STREAM):
                self.ended.add(stream)
            self.closed |= kind == GOAWAY
