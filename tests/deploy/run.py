#!/usr/bin/env python3
"""What stands in deploy/: checked, built, run.

    python3 tests/deploy/run.py                       # everything
    python3 tests/deploy/run.py test_systemd          # one part

Installs what is missing. The exit code is 1 when a test failed.
"""
import argparse
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests/synapse"))

from rig import environment  # noqa: E402


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--binary", type=pathlib.Path, default=ROOT / "target/release/thalamus",
                   help="the program that checks configurations (default: the release build of this checkout)")
    p.add_argument("tests", nargs="*", help="a part, or a test in it (default: all)")
    args = p.parse_args()
    if not args.binary.exists():
        p.error(f"{args.binary} does not exist; cargo build --release makes it, --binary names another")
    # Synapse's environment has what the tests need: PyYAML, jsonschema, and Synapse itself.
    python = environment.prepare()
    os.environ |= {"THALAMUS_BINARY": str(args.binary.resolve()), "PYTHONPATH": str(ROOT / "tests/synapse")}
    which = args.tests or ["discover"]
    os.chdir(HERE)
    os.execv(python, [str(python), "-m", "unittest", *which, "--verbose"])


if __name__ == "__main__":
    main()
