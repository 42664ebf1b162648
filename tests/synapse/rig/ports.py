"""Free loopback ports for one run.

A run claims a whole block by holding a listener on its first port, so that runs side by side
never share one. Blocks lie below the range the kernel uses for outgoing connections.
"""
import pathlib
import random
import socket

HOST = "127.0.0.1"
BLOCK = 200
LOWEST = 10000


class Ports:
    def __init__(self):
        self.guard, self.last = claim_block()
        self.end = self.last + BLOCK

    def free(self):
        """The next free port of the block."""
        while self.last + 1 < self.end:
            self.last += 1
            with socket.socket() as s:
                if bind(s, self.last):
                    return self.last
        raise RuntimeError("the block of ports is used up")

    def close(self):
        self.guard.close()


def claim_block():
    """A socket that listens on the first port of a block nobody holds, and that port."""
    first_outgoing = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    blocks = list(range(LOWEST, max(first_outgoing, LOWEST + 20 * BLOCK) - BLOCK, BLOCK))
    random.shuffle(blocks)
    for first in blocks:
        guard = socket.socket()
        if bind(guard, first):
            guard.listen()
            return guard, first
        guard.close()
    raise RuntimeError("no free block of ports")


def bind(s, port):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        s.bind((HOST, port))
    except OSError:
        return False
    return True
