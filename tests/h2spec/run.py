#!/usr/bin/env python3
"""Has h2spec judge the program's HTTP/2, plain and in TLS: every test of the RFC, and the strict ones."""

import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from house import start

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
VERSION = "2.2.1"
CASES = 146


def h2spec():
    """The judge, built once; go.mod says of what. Later releases than this one are not on the module proxy."""
    cache = pathlib.Path(os.environ.get("THALAMUS_CACHE", pathlib.Path.home() / ".cache/thalamus"))
    program = cache / "tools" / f"h2spec-{VERSION}"
    if not program.exists():
        print(f"build h2spec {VERSION}", file=sys.stderr)
        environment = {**os.environ, "GOFLAGS": "-mod=mod"}
        command = ["go", "build", "-o", program, "github.com/summerwind/h2spec/cmd/h2spec"]
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(HERE / "go.mod", folder)
            subprocess.run(command, check=True, env=environment, cwd=folder)
    return program


def judge(name, port, flags):
    """Runs all tests; true when all pass."""
    command = [h2spec(), "--strict", "--host", "127.0.0.1", "--port", str(port), "--timeout", "5", *flags]
    said = subprocess.run(command, capture_output=True, text=True)
    counts = re.search(r"(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed", said.stdout)
    print(f"h2spec {name:5} {counts.group(0) if counts else said.stdout[-2000:] + said.stderr}", flush=True)
    good = counts is not None and counts.group(1) == counts.group(2) and int(counts.group(1)) >= CASES
    if not good and counts:
        print(said.stdout[said.stdout.find("Failures:"):])
    return good


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--binary", help="default: the release build, built first")
    binary = arguments.parse_args().binary
    if binary is None:
        subprocess.run(["cargo", "build", "--release", "--locked"], check=True, cwd=ROOT)
        binary = ROOT / "target/release/thalamus"
    h2spec()
    with tempfile.TemporaryDirectory() as room:
        program, (plain, tls) = start(binary, pathlib.Path(room))
        try:
            good = [judge("plain", plain, []), judge("TLS", tls, ["--tls", "--insecure"])]
        finally:
            program.send_signal(signal.SIGKILL)
            program.wait()
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
