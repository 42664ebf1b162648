"""Runs the suites and says what was measured."""
import asyncio
import pathlib
import resource
import tempfile
import time

import by_dns
import by_kubernetes
import by_labels


async def run(binary, only):
    resource.setrlimit(resource.RLIMIT_NOFILE, (16384, 16384))
    for name, suite in {"dns": by_dns, "kubernetes": by_kubernetes, "labels": by_labels}.items():
        if only in (None, name):
            began = time.monotonic()
            print(f"--- {name}")
            with tempfile.TemporaryDirectory() as home:
                await suite.run(binary, pathlib.Path(home))
            print(f"--- {name}: all well after {time.monotonic() - began:.0f} s")
    return 0
