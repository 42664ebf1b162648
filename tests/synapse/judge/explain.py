"""`thalamus explain` says the same as happened: it must, as the same functions decide."""
import json
import subprocess

from judge.checks import Check
from rig.process import environment


def agrees(records, binary, config):
    """Ask for every target that a worker served; compare the pools."""
    asked = list({(r.sent.method, r.sent.target): r for r in records if r.served}.values())
    lines = "".join(f"{r.sent.method} {r.sent.target}\n" for r in asked)
    done = subprocess.run([binary, "explain", "--config", config, "--stdin", "--json"], input=lines,
                          capture_output=True, text=True, env=environment())
    plans = [json.loads(line) for line in done.stdout.splitlines()]
    faults = [f"{r.sent.method} {r.sent.target}: explained {plan['pool']}, served by {r.worker}"
              for r, plan in zip(asked, plans) if plan["pool"] not in r.pools]
    if len(plans) != len(asked):
        faults = [f"{len(asked)} lines asked, {len(plans)} answered, exit code {done.returncode}: {done.stderr[-300:]}"]
    return Check(f"{len(asked)} targets explained: {{}} otherwise than served", faults)
