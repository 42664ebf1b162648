"""A client: one user's connection, and what came of each request."""
import asyncio
import base64
import hashlib
import re
import time
import typing
import zlib

HOST = "127.0.0.1"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
WORKER = re.compile(rb"\r\nx-worker: *(\w+)", re.IGNORECASE)
CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class Answer(typing.NamedTuple):
    """`came` is the status, or in a word why there was none."""
    came: int | str
    worker: str
    body: bytes
    began: float
    ended: float

    @property
    def took(self):
        return self.ended - self.began


class Client:
    """Connects when it has to, as clients do; what was sent once is never sent again by itself."""

    def __init__(self, port, user):
        self.port, self.token, self.writer = port, token(user), None

    async def ask(self, method, target, body=b"", began=None):
        """`began` is when it should have been asked, if that is over."""
        began = began or time.perf_counter()
        try:
            if self.writer is None or self.writer.is_closing() or self.reader.at_eof():
                await self.connect()
        except OSError:
            return Answer("refused", "", b"", began, time.perf_counter())
        try:
            self.writer.write(self.head(method, target, body) + body)
            head = await self.reader.readuntil(b"\r\n\r\n")
            content = await self.reader.readexactly(int(LENGTH.search(head)[1]))
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            return Answer("cut", "", b"", began, time.perf_counter())
        if CLOSE.search(head):
            self.close()
        worker = WORKER.search(head)
        return Answer(int(head.split()[1]), worker[1].decode() if worker else "", content, began, time.perf_counter())

    async def connect(self):
        self.close()
        self.reader, self.writer = await asyncio.open_connection(HOST, self.port)

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.writer = None

    def head(self, method, target, body):
        length = f"Content-Length: {len(body)}\r\n" if method != "GET" else ""
        return (f"{method} {target} HTTP/1.1\r\nHost: hs.test\r\nAuthorization: Bearer {self.token}\r\n"
                f"{length}\r\n").encode()


def token(user):
    """As Synapse writes it, so that every proxy reads a user in it."""
    localpart = base64.b64encode(user.encode()).decode().rstrip("=")
    letters = "".join(chr(97 + byte % 26) for byte in hashlib.sha256(user.encode()).digest()[:20])
    text = f"syt_{localpart}_{letters}"
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return f"{text}_{digits}"
