#!/usr/bin/env python3
"""What releases of Synapse really serve, told by their own registrars, held against what Thalamus decides.

    python3 tests/synapse/registrar/run.py --binary target/release/thalamus
    python3 tests/synapse/registrar/run.py --write                    # regenerate the facts in tests/data
    python3 tests/synapse/registrar/run.py --diff 1.157.1 1.163.2     # what changed between two releases

The first form fails when a decision is wrong or a committed file is not what the package says.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from registrar import facts, releases, verdict  # noqa: E402

# More faults than a person reads.
SHOWN = 100


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--binary", type=pathlib.Path, default=HERE.parents[2] / "target/release/thalamus",
                   help="the program under test (default: the release build of this checkout)")
    p.add_argument("--write", action="store_true", help="write the facts of every release to tests/data")
    p.add_argument("--diff", nargs=2, metavar=("OLD", "NEW"), help="print what changed between two releases")
    args = p.parse_args()
    if args.diff:
        return diff(*args.diff)
    truths = [truth(version) for version in releases.VERSIONS]
    if args.write:
        return write(truths)
    if not args.binary.exists():
        p.error(f"{args.binary} does not exist; cargo build --release makes it, --binary names another")
    return check(args.binary.resolve(), truths)


def truth(version):
    """What the registrar of one release says."""
    said = subprocess.run([releases.python(version), "-m", "registrar.truth"], cwd="/", check=True,
                          env={**os.environ, "PYTHONPATH": str(HERE.parent)},
                          stdout=subprocess.PIPE, text=True)
    return json.loads(said.stdout)


def diff(old, new):
    print(*facts.difference(facts.lines(truth(old)), facts.lines(truth(new))), sep="\n")


def write(truths):
    for one in truths:
        releases.facts_file(one["version"]).write_text(facts.text(one))
        print(f"wrote {releases.facts_file(one['version']).name}")


def check(binary, truths):
    faults = []
    for one in truths:
        faults += verdict.judge(binary, one)
        faults += (f"{one['version']} has no servlet {servlet}: look at facts.py" for servlet in facts.missing(one))
        faults += facts.stale(one, releases.facts_file(one["version"]))
    for old, new in zip(truths, truths[1:]):
        print(f"{old['version']} -> {new['version']}:", *facts.difference(facts.lines(old), facts.lines(new)), sep="\n")
    print(*faults[:SHOWN], sep="\n")
    print(f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
