#!/usr/bin/env python3
"""200 first syncs at once beside 300 incremental users, and then 200 clients who give up every 2 seconds.

    python3 benches/faults/first_syncs.py --binary target/release/thalamus

Two first-sync workers take 5 s for each. Thalamus has a core of its own; load and workers, each in a process of its own,
have the others. The 300 ask at a fixed rate, 1,000 requests a second in all, whether or not answers come. Exit code 1
when the goal is missed (their p99 within 1.2 of quiet), a request failed, a first sync was computed twice, or a worker
had more of them at a time than its cap. A figure of a busy machine is worth nothing: `late` says how much later than
asked the load's own timers woke, which nobody in front of it can help.
"""
import argparse
import asyncio
import collections
import gc
import json
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

from play import proxies
from play.client import Client
from play.house import YIELD, House, leave_a_core
from rig.ports import Ports

HERE = pathlib.Path(__file__).resolve().parent
USERS, EVERY, QUIET = 300, 0.3, 15
FIRST, CAP, PATIENT, IMPATIENT = 200, 50, 120, 2
GOAL = 1.2
SYNC = "/_matrix/client/v3/sync?since=s1&timeout=0"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--binary", type=pathlib.Path, default=HERE.parents[1] / "target/release/thalamus")
    args = p.parse_args()
    leave_a_core()
    return asyncio.run(run(args.binary.resolve()))


async def run(binary):
    folder, ports = pathlib.Path(tempfile.mkdtemp(prefix="thalamus-first-")), Ports()
    house = House(folder, ports)
    proxy = proxies.thalamus(binary, house, folder / "thalamus", ports)
    try:
        await house.start()
        await proxy.start()
        load = Load(proxy.port)
        await load.beside(asyncio.sleep(2))
        quiet, _ = await load.beside(asyncio.sleep(QUIET))
        first = await beside_first_syncs("at once", load, house, "new", PATIENT)
        again = await beside_first_syncs("retried every 2 s", load, house, "again", IMPATIENT)
        return report(quiet, first, again)
    finally:
        await proxy.stop()
        await house.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Load:
    """Users who ask at a fixed rate."""

    def __init__(self, port):
        self.clients = [Client(port, f"user{n}") for n in range(USERS)]
        # A collection in the midst would look like a slow answer.
        gc.freeze()
        gc.disable()

    async def beside(self, work):
        """All answers while `work` runs, and what comes of it."""
        self.over, self.late = False, []
        users = [asyncio.create_task(self.user(n)) for n in range(USERS)]
        result = await work
        self.over = True
        answers = [answer for answers in await asyncio.gather(*users) for answer in answers]
        return Measured(answers, sorted(self.late)), result

    async def user(self, n):
        due, answers = time.perf_counter() + EVERY * n / USERS, []
        while not self.over:
            early = due - time.perf_counter()
            if early > 0:
                await asyncio.sleep(early)
                self.late.append(time.perf_counter() - due)
            # Who is late because the last answer was, has waited since then.
            answers.append(await self.clients[n].ask("GET", SYNC, began=due if early < 0 else None))
            due += EVERY
        return answers


class Measured:
    """The answers to the load, and how late it was itself."""

    def __init__(self, answers, late):
        self.took, self.late = sorted(answer.took for answer in answers), late
        self.failed = collections.Counter(answer.came for answer in answers if answer.came != 200)

    @property
    def p99(self):
        return self.took[len(self.took) * 99 // 100]

    def __str__(self):
        return (f"{len(self.took)} incremental  p50 {1e3 * statistics.median(self.took):.2f} ms  p99 {1e3 * self.p99:.2f} ms"
                f"  longest {1e3 * self.took[-1]:.0f} ms  (late: p99 {1e3 * self.late[len(self.late) * 99 // 100]:.2f} ms)")


class Beside:
    """What came of first syncs, and of the load meanwhile."""

    def __init__(self, name, load, crowd, computed, most):
        self.name, self.load, self.crowd, self.computed, self.most = name, load, crowd, computed, most

    def faults(self):
        if self.crowd["came"] != {"200": FIRST}:
            yield f"first syncs {self.name} were not all answered 200"
        if len(self.computed) != FIRST or set(self.computed.values()) != {1}:
            yield f"first syncs {self.name} were not computed once for each user"
        if self.most > CAP:
            yield f"a worker had more than its cap of {CAP}"


async def beside_first_syncs(name, load, house, prefix, patience):
    crowd = await asyncio.create_subprocess_exec(
        *YIELD, sys.executable, str(HERE / "play/crowd.py"), str(load.clients[0].port), prefix, str(FIRST), str(patience),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    await asyncio.sleep(2)                       # until all are connected
    before = await computations(house)
    measured, (out, _) = await load.beside(crowd.communicate(b"\n"))
    most = max([(await house.workers[worker].figures())["most"] for worker in ("first1", "first2")])
    return Beside(name, measured, json.loads(out), await computations(house) - before, most)


async def computations(house):
    """How often each user's first sync was computed, anywhere."""
    return sum([collections.Counter((await worker.figures())["computed"]) for worker in house.workers.values()],
               collections.Counter())


def report(quiet, at_once, again):
    print(f"{'quiet':18} {quiet}")
    for phase in (at_once, again):
        print(f"{phase.name:18} {phase.load}  p99 {phase.load.p99 / quiet.p99:.2f} of quiet")
        print(f"    {FIRST} first syncs: came {phase.crowd['came']} after at most {phase.crowd['longest']:.1f} s in "
              f"{phase.crowd['tries']} tries; {phase.computed.total()} computations for {len(phase.computed)} users, at most "
              f"{max(phase.computed.values(), default=0)} for one; at most {phase.most} at a time at a worker (cap {CAP})")
    faults = [*at_once.faults(), *again.faults()]
    if failed := quiet.failed + at_once.load.failed + again.load.failed:
        faults.append(f"incremental requests failed: {dict(failed)}")
    if at_once.load.p99 > GOAL * quiet.p99:
        faults.append(f"the p99 beside first syncs is more than {GOAL} of quiet")
    print("\n".join(f"MISSED  {fault}" for fault in faults) or "ok")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
