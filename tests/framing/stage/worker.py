"""A worker that reads by the letter, records what it gets, and answers whatever the run wants."""
import asyncio

from stage.reader import Partial, Unclear, request
from stage.record import MARKER, OWN, Record

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
MARKED = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nmarker"
BAD = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Worker:
    def __init__(self, host, port):
        self.host, self.port = host, port
        self.begin()

    async def start(self):
        self.server = await asyncio.start_server(self.serve, self.host, self.port, backlog=256)

    async def stop(self):
        self.server.close()

    def begin(self, answer=None):
        """A new run: what it sees from now on is its record; `answer` is what it says to the first request."""
        self.record, self.answer = Record(), answer

    async def serve(self, reader, writer):
        data = b""
        try:
            while piece := await reader.read(65536):
                data += piece
                while data and (used := self.take(data, writer)):
                    data = data[used:]
                if data and used is None:
                    break
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        writer.close()

    def take(self, data, writer):
        """Reads one request and answers it; its length, 0 when it is not whole, None when the connection ends here."""
        early = self.answer and self.answer.early
        try:
            read = request(data)
        except Partial:
            if not early or b"\r\n\r\n" not in data:
                return 0
            read = None
        except Unclear as fault:
            self.record.faults.append(str(fault))
            writer.write(BAD)
            return None
        if read and read.line[1] in OWN:
            writer.write(OK)
            return read.length
        if read:
            self.record.add(*read.line, read.body)
        if read and read.line[1].startswith(MARKER):
            writer.write(MARKED)
            return read.length
        if not self.answer:
            writer.write(OK)
            return read.length
        writer.write(self.answer.raw)
        return None if self.answer.closes else read.length if read else 0
