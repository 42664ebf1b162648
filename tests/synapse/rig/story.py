"""What was done to the deployment and when, and how Thalamus saw it."""
import asyncio
import contextlib
import json
import re
import time
import types

LIMIT = 60


class Story:
    """Chapters, each with its `start`, its `end`, the counts at both, and what the fault notes."""

    def __init__(self, deployment, session):
        self.deployment, self.session = deployment, session
        self.chapters = {}

    @contextlib.asynccontextmanager
    async def chapter(self, name):
        chapter = types.SimpleNamespace(start=time.monotonic(), before=await self.outcomes(), kills={}, states=[])
        self.chapters[name] = chapter
        yield chapter
        chapter.end, chapter.after = time.monotonic(), await self.outcomes()

    async def outcomes(self):
        """How many requests ended with each reason."""
        text = await self.get("/metrics")
        return {reason: int(count) for reason, count in
                re.findall(r'^thalamus_outcomes_total\{reason="(\w+)"\} (\d+)', text, re.M)}

    async def workers(self):
        """Thalamus' own word on each worker, by name."""
        return {worker["name"]: worker for pool in await self.pools() for worker in pool["workers"]}

    async def waiting(self, name):
        """How many requests wait for a worker of that pool, or for a slot at one."""
        return next(pool["waiting"] for pool in await self.pools() if pool["name"] == name)

    async def pools(self):
        return json.loads(await self.get("/api/pools"))

    async def states(self):
        return [(name, worker["state"]) for name, worker in (await self.workers()).items()]

    async def until(self, name, wanted):
        await self.wait(lambda states: states[name] in wanted, f"{name} is not {' or '.join(wanted)}")

    async def until_all(self, wanted):
        await self.wait(lambda states: set(states.values()) == {wanted}, f"not all are {wanted}")

    async def wait(self, holds, otherwise):
        began = time.monotonic()
        while not holds(states := dict(await self.states())):
            if time.monotonic() - began > LIMIT:
                raise RuntimeError(f"{otherwise} after {LIMIT} s: {states}")
            await asyncio.sleep(0.1)

    async def get(self, path):
        async with self.session.get(f"{self.deployment.thalamus.admin_url}{path}") as response:
            return await response.text()
