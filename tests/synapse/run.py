#!/usr/bin/env python3
"""A real Synapse with workers behind Thalamus, driven by real clients and judged by its own logs.

    python3 tests/synapse/run.py --binary target/release/thalamus

Installs what is missing, starts everything on free loopback ports, drives it, stops everything.
The last line counts the checks; exit code 1 when one failed.
"""
import argparse
import os
import pathlib

from rig import environment

HERE = pathlib.Path(__file__).resolve().parent


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--binary", type=pathlib.Path, default=HERE.parents[1] / "target/release/thalamus",
                   help="the program under test (default: the release build of this checkout)")
    p.add_argument("--suite", choices=("suite", "callers", "faults"), default="suite",
                   help="what is driven: everything (default), users whose tokens name nobody and change all the time, or "
                        "a steady load while processes die and freeze")
    p.add_argument("--keep", action="store_true", help="keep logs, configuration and database also after a success")
    args = p.parse_args()
    if not args.binary.exists():
        p.error(f"{args.binary} does not exist; cargo build --release makes it, --binary names another")
    # The suite itself runs in the environment that has Synapse and the client library.
    python = environment.prepare()
    os.execv(python, [str(python), str(HERE / f"{args.suite}.py"), str(args.binary.resolve()), *["--keep"] * args.keep])


if __name__ == "__main__":
    main()
