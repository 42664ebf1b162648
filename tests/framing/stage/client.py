"""One run: a case, then a marker on the same connection, then what came back."""
import asyncio
import dataclasses
import ssl

from stage.reader import Partial, Unclear, answer

MARKER = b"GET /marker HTTP/1.1\r\nHost: hs.test\r\n\r\n"
# Nothing takes so long unless it hangs.
HANGS = 60


@dataclasses.dataclass
class Said:
    """What the client got: final answers to the case, then what came after the marker."""
    answers: list
    after: list
    unclear: str
    # Bytes of an answer that did not end.
    rest: bytes
    # Closed by the other side before the marker was sent.
    closed: bool


class Client:
    def __init__(self, host, port, tls=None):
        self.host, self.port, self.tls = host, port, tls

    async def run(self, raw, patience, to_head=False, count=1):
        """Sends `raw`, waits for `count` answers up to `patience` seconds, then does the same with the marker."""
        tls = {"ssl": self.tls, "server_hostname": "hs.test"} if self.tls else {}
        reader, writer = await asyncio.wait_for(asyncio.open_connection(self.host, self.port, **tls), HANGS)
        ear = Ear(reader)
        try:
            await ear.say(writer, raw)
            answers = await ear.hear(patience, count, to_head)
            closed, after = ear.closed, []
            if not (answers and answers[-1].closes) and not closed:
                await ear.say(writer, MARKER)
                after = await ear.hear(patience, 1)
            return Said(answers, after, ear.unclear, ear.data, closed)
        finally:
            writer.close()


class Ear:
    """Reads answers as they come."""

    def __init__(self, reader):
        self.reader, self.data, self.closed, self.unclear = reader, b"", False, ""

    async def say(self, writer, raw):
        try:
            writer.write(raw)
            await writer.drain()
        except (ConnectionError, ssl.SSLError):
            pass

    async def hear(self, patience, count, to_head=False):
        """Answers until there are `count` and nothing else is there, the other side closes, or time is up."""
        heard, until = [], asyncio.get_running_loop().time() + patience
        while not self.unclear:
            heard += self.read(to_head and not heard)
            is_last = heard and (heard[-1].closes or len(heard) >= count)
            if self.closed or (is_last and not self.data and not heard[-1].closes):
                break
            try:
                left = until - asyncio.get_running_loop().time()
                piece = await asyncio.wait_for(self.reader.read(65536), max(left, 0))
            except asyncio.TimeoutError:
                break
            except (ConnectionError, ssl.SSLError):
                piece = b""
            self.data, self.closed = self.data + piece, not piece
        return heard

    def read(self, to_head):
        """The final answers in what came; the 1xx before them are dropped."""
        found = []
        while self.data and not self.unclear:
            try:
                read = answer(self.data, to_head and not found, self.closed)
            except Partial:
                break
            except Unclear as fault:
                self.unclear = str(fault)
                break
            self.data = self.data[read.length:]
            if read.line[0] >= 200:
                found.append(read)
        return found
