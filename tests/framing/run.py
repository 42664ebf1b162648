#!/usr/bin/env python3
"""Raw requests and answers that two parsers could read differently, through Thalamus to a recording worker and to a
Synapse listener; and through nginx and HAProxy, for the table.

    python3 tests/framing/run.py --binary target/release/thalamus
    python3 tests/framing/run.py --write                  # also writes TABLE.md

Installs what is missing, starts everything on free loopback ports, stops everything.
The last line counts the checks; exit code 1 when one failed.
"""
import argparse
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "synapse"))

from rig import environment  # noqa: E402

DEBIAN_PACKAGES = {"nginx": "nginx-light", "haproxy": "haproxy", "openssl": "openssl"}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--binary", type=pathlib.Path, default=HERE.parents[1] / "target/release/thalamus",
                   help="the program under test (default: the release build of this checkout)")
    p.add_argument("--write", action="store_true", help="write TABLE.md")
    args = p.parse_args()
    if not args.binary.exists():
        p.error(f"{args.binary} does not exist; cargo build --release makes it, --binary names another")
    environment.install_programs(DEBIAN_PACKAGES)
    # The suite itself runs in the environment that has Synapse.
    python = environment.python_environment(environment.SYNAPSE_VERSION, environment.PYTHON_PACKAGES)
    os.environ["PYTHONPATH"] = str(HERE.parent / "synapse")
    os.execv(python, [str(python), str(HERE / "suite.py"), str(args.binary.resolve()), *["--write"] * args.write])


if __name__ == "__main__":
    main()
