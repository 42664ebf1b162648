"""The program with a plain listener, one with TLS, and a worker behind them."""

import asyncio
import pathlib
import re
import socket
import subprocess
import sys
import threading
import time


class Worker(asyncio.Protocol):
    """Answers each request, once it is whole, with a page of 2 KB. Silent, it answers no POST."""

    page = b"HTTP/1.1 200 OK\r\nContent-Length: 2048\r\n\r\n" + b"x" * 2048

    def connection_made(self, transport):
        self.transport = transport
        self.bytes = b""

    def data_received(self, data):
        self.bytes += data
        while end := self.end():
            request, self.bytes = self.bytes[:end], self.bytes[end:]
            if not (self.silent and request.startswith(b"POST")):
                self.transport.write(self.page)

    def end(self):
        """Where the first request ends; none while it is not whole."""
        head, empty, body = self.bytes.partition(b"\r\n\r\n")
        length = re.search(rb"\ncontent-length: (\d+)", head, re.IGNORECASE)
        if re.search(rb"\ntransfer-encoding:", head, re.IGNORECASE):
            last = re.search(rb"(?:^|\r\n)0\r\n(?:[^\r\n]+\r\n)*\r\n", body)
            whole = last.end() if last else None
        else:
            whole = int(length.group(1)) if length else 0
        is_here = empty and whole is not None and len(body) >= whole
        return len(head) + 4 + whole if is_here else None


def worker(silent):
    """A worker on a free port."""
    loop = asyncio.new_event_loop()
    kind = type("Worker", (Worker,), {"silent": silent})
    server = loop.run_until_complete(loop.create_server(kind, "127.0.0.1", 0, backlog=4096))
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return server.sockets[0].getsockname()[1]


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def certify(room):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", room / "tls.key",
         "-out", room / "tls.crt"],
        check=True, capture_output=True,
    )


def start(binary, room, silent=False):
    """The program with a plain listener and one with TLS; gives it and their ports."""
    certify(room)
    ports = [free_port(), free_port()]
    config = room / "thalamus.yaml"
    config.write_text(
        f"""listeners:
  - address: 127.0.0.1:{ports[0]}
  - address: 127.0.0.1:{ports[1]}
    tls: {{certificate: {room}/tls.crt, key: {room}/tls.key}}
access_log: none
pools:
  main:
    workers: ["127.0.0.1:{worker(silent)}"]
"""
    )
    program = subprocess.Popen([binary, "run", "--config", config], stderr=open(room / "log", "w"))
    deadline = time.monotonic() + 20
    for port in ports:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if program.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"thalamus does not start:\n{(room / 'log').read_text()}")
                time.sleep(0.05)
    return program, ports
