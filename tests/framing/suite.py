"""The run itself: every case through every lane, then the verdict. `run.py` starts this in the right environment."""
import asyncio
import importlib.metadata
import pathlib
import shutil
import sys
import tempfile
import time

import corpus
import judge
import table
from lanes import PROXIES, Stage
from rig.ports import Ports
from stage import proxies, synapse

# More faults than a person reads.
SHOWN, LONGEST = 60, 600


async def main(binary, write):
    began = time.monotonic()
    synapse.install()
    folder, ports = pathlib.Path(tempfile.mkdtemp(prefix="thalamus-framing-")), Ports()
    try:
        async with Stage(binary, folder, ports) as lanes:
            await asyncio.gather(*[lane.run() for lane in lanes])
    finally:
        ports.close()
        shutil.rmtree(folder, ignore_errors=True)
    verdict = Verdict({(lane.name, lane.kind): lane.runs for lane in lanes})
    verdict.requests()
    verdict.answers()
    verdict.streams()
    page = table.text(versions(), verdict.request_rows, verdict.answer_rows, verdict.stream_rows)
    if write:
        table.FILE.write_text(page)
    elif table.stale(page):
        verdict.faults.append(f"{table.FILE.name} is not what was seen; run.py --write writes it")
    print(*[fault[:LONGEST] for fault in verdict.faults[:SHOWN]], sep="\n")
    print(f"{len(corpus.REQUESTS)} requests, {len(corpus.ANSWERS)} answers, {len(corpus.STREAMS)} streams, {len(lanes)} lanes, "
          f"{verdict.disagreements} disagreements with Twisted, {time.monotonic() - began:.0f} s")
    print(f"{verdict.passed} passed, {len(verdict.faults)} failed")
    return 1 if verdict.faults else 0


def versions():
    packages = {name: importlib.metadata.version(package)
                for name, package in (("Synapse", "matrix-synapse"), ("Twisted", "twisted"))}
    return {**proxies.versions(), **packages}


class Verdict:
    """Checks of Thalamus, and rows of the table."""

    def __init__(self, runs):
        self.runs = runs
        self.passed, self.disagreements, self.faults = 0, 0, []
        self.request_rows, self.answer_rows, self.stream_rows = {}, {}, {}

    def check(self, holds, what):
        self.passed += bool(holds)
        if not holds:
            self.faults.append(what)

    def requests(self):
        for case in corpus.REQUESTS:
            alone = self.runs["alone", "Synapse"][case]
            names = ("thalamus", "nginx", "haproxy")
            self.request_rows[case.name] = {name: self.cell(case, name, alone.record) for name in names}
            self.request_rows[case.name]["alone"] = judge.request_outcome(case, alone.said, alone.record, alone.record)
            for lane in ("thalamus", "tls"):
                self.request(case, lane, alone.record)

    def request(self, case, lane, alone):
        recorded, twisted = (self.runs[lane, kind][case] for kind in ("Worker", "Synapse"))
        for kind, run in (("recorder", recorded), ("Synapse", twisted)):
            outcome = judge.request_outcome(case, run.said, run.record, alone)
            self.check(judge.request_is_right(case, outcome),
                       f"{lane}, {kind}: {case.name}: {outcome}, wanted {case.expect} {case.status or ''}: {run}")
        self.agreement(case, lane, recorded.record, twisted.record)

    def agreement(self, case, lane, recorded, twisted):
        differs = judge.disagrees(recorded, twisted)
        self.disagreements += differs
        self.check(not differs, f"{lane}: {case.name}: Twisted saw {twisted}, sent was {recorded}")

    def streams(self):
        for case in corpus.STREAMS:
            self.stream_rows[case.name] = {name: self.stream_cell(case, f"{name}, h2") for name in PROXIES}
            recorded, twisted = (self.runs["thalamus, h2", kind][case] for kind in ("Worker", "Synapse"))
            for kind, run in (("recorder", recorded), ("Synapse", twisted)):
                outcome = judge.stream_outcome(case, run.said, run.record)
                self.check(judge.stream_is_right(case, outcome),
                           f"h2, {kind}: {case.name}: {outcome}, wanted {case.expect}: {run}")
            self.agreement(case, "h2", recorded.record, twisted.record)

    def stream_cell(self, case, lane):
        runs = [self.runs[lane, kind][case] for kind in ("Worker", "Synapse")]
        return both(*[judge.stream_outcome(case, run.said, run.record) for run in runs])

    def cell(self, case, lane, alone):
        """The outcome at the recorder, and Synapse's where that differs."""
        outcomes = []
        for kind in ("Worker", "Synapse"):
            run = self.runs[lane, kind][case]
            outcomes.append(judge.request_outcome(case, run.said, run.record, alone))
        return both(*outcomes)

    def answers(self):
        for case in corpus.ANSWERS:
            outcomes = {lane: judge.answer_outcome(case, self.runs[lane, "Worker"][case].said)
                        for lane in ("thalamus", "tls", "nginx", "haproxy")}
            self.answer_rows[case.name] = outcomes
            for lane in ("thalamus", "tls"):
                self.check(judge.answer_is_right(case, outcomes[lane]),
                           f"{lane}: {case.name}: {outcomes[lane]}, wanted {case.expect} {case.status}: "
                           f"{self.runs[lane, 'Worker'][case].said}")


def both(recorded, twisted):
    return recorded if recorded == twisted else f"{recorded} (Synapse {twisted})"


if __name__ == "__main__":
    sys.exit(asyncio.run(main(pathlib.Path(sys.argv[1]), "--write" in sys.argv[2:])))
