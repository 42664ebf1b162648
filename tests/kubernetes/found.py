"""Thalamus with workers that it finds itself."""
import asyncio
import json
import time
import urllib.request

import yaml

from rig.process import Process

PORT, ADMIN = 8080, 9090


class Thalamus:
    def __init__(self, binary, home, pools, **more):
        config = home / "thalamus.yaml"
        main = {"main": {"workers": ["127.0.0.1:8008"]}}
        config.write_text(yaml.safe_dump({
            "access_log": "none", "listeners": [{"address": f"127.0.0.1:{PORT}"}],
            "admin": {"address": f"127.0.0.1:{ADMIN}"}, "pools": main | pools, **more}))
        self.process = Process("thalamus", [binary, "run", "--config", config], home / "thalamus.log")

    async def start(self):
        self.process.start()
        await self.process.until(self.is_healthy, limit=30)

    async def is_healthy(self):
        try:
            return (await asyncio.to_thread(get, "/health")).startswith("healthy")
        except OSError:
            return False

    async def pool(self, name):
        pools = json.loads(await asyncio.to_thread(get, "/api/pools"))
        return next((pool for pool in pools if pool["name"] == name), {"workers": []})

    async def until(self, what, name, condition, limit=20):
        """Waits until the pool is so; seconds it took."""
        began = time.monotonic()
        while not condition(pool := await self.pool(name)):
            if time.monotonic() - began > limit:
                raise AssertionError(f"{what}: not within {limit} s: {str(pool)[:2000]}\n{self.process.tail()}")
            await asyncio.sleep(0.02)
        return time.monotonic() - began


def get(path):
    with urllib.request.urlopen(f"http://127.0.0.1:{ADMIN}{path}", timeout=10) as answer:
        return answer.read().decode()


def names(pool):
    return {worker["name"] for worker in pool["workers"] if worker["state"] != "draining"}


def metric(name):
    line = next(line for line in get("/metrics").splitlines() if line.startswith(f"{name} "))
    return float(line.rsplit(" ", 1)[1])
