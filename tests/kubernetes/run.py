#!/usr/bin/env python3
"""Workers found by themselves: a real API server, a real name server, pods that come and go under load.

Everything runs in a network namespace of its own, so that pods can have addresses a cluster would give them, every
port is free, and nothing leaves this machine. Needs root (Debian packages, the namespace).
"""
import argparse
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "synapse"), str(HERE.parent / "deploy")]

INSIDE = "--inside"


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--binary", required=True, type=pathlib.Path)
    arguments.add_argument("--only", choices=["dns", "kubernetes", "labels"])
    arguments.add_argument(INSIDE, action="store_true", help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    os.environ["THALAMUS_BINARY"] = str(asked.binary.resolve())
    if asked.inside:
        return inside(asked)
    import needs
    needs.all()
    again = [sys.executable, __file__, *sys.argv[1:], INSIDE]
    return subprocess.run(["unshare", "--net", "--", *again]).returncode


def inside(asked):
    import asyncio
    import suite
    for command in (["ip", "link", "set", "lo", "up"], ["ip", "route", "add", "local", "10.66.0.0/16", "dev", "lo"]):
        subprocess.run(command, check=True)
    os.environ["PYTHONUNBUFFERED"] = "1"
    return asyncio.run(suite.run(asked.binary.resolve(), asked.only))


if __name__ == "__main__":
    sys.exit(main())
