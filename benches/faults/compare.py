#!/usr/bin/env python3
"""The same faults in front of Thalamus, nginx and HAProxy, one after the other; prints what clients noticed as a table.

    python3 benches/faults/compare.py --binary target/release/thalamus

It takes under five minutes. nginx and HAProxy are Debian's and must be installed.
"""
import argparse
import asyncio
import pathlib
import shutil
import sys
import tempfile

from play import faults, proxies
from play.house import House, leave_a_core
from rig.ports import Ports
from stage.proxies import versions

HERE = pathlib.Path(__file__).resolve().parent


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--binary", type=pathlib.Path, default=HERE.parents[1] / "target/release/thalamus")
    p.add_argument("--only", help="some faults only, such as killed,leaves")
    p.add_argument("--proxies", help="some sides only, such as thalamus,nginx")
    args = p.parse_args()
    wanted = [fault for fault in faults.ALL if not args.only or fault.__name__ in args.only.split(",")]
    leave_a_core()
    binary = args.binary.resolve()
    sides = {"Thalamus": lambda *where: proxies.thalamus(binary, *where), "nginx": proxies.nginx, "HAProxy": proxies.haproxy}
    show({name: asyncio.run(play(side, wanted)) for name, side in sides.items()
          if not args.proxies or name.lower() in args.proxies.split(",")})


async def play(side, wanted):
    """All rows of one side: what is counted -> what it came to. Each fault has a proxy and workers that are new."""
    rows = {}
    for fault in wanted:
        folder, ports = pathlib.Path(tempfile.mkdtemp(prefix="thalamus-faults-")), Ports()
        house = House(folder, ports)
        proxy = side(house, folder / "proxy", ports)
        try:
            await house.start()
            await proxy.start()
            async for row, text in fault(faults.Stage(proxy, house)):
                print(f"{proxy.name}: {row}: {text}", file=sys.stderr, flush=True)
                rows[row] = text
        finally:
            await proxy.stop()
            await house.stop()
            ports.close()
            shutil.rmtree(folder, ignore_errors=True)
    return rows


def show(table):
    print(", ".join(f"{name} {version}" for name, version in versions().items()))
    print("\n| | " + " | ".join(table) + " |\n|---|" + "---|" * len(table))
    for row in next(iter(table.values())):
        print(f"| {row} | " + " | ".join(rows[row] for rows in table.values()) + " |")


if __name__ == "__main__":
    main()
