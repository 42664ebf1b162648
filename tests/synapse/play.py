"""What every suite is: a deployment that is started, driven, stopped and judged."""
import asyncio
import signal
import sys
import time

from judge.verdict import report
from rig.deployment import Deployment
from rig.topology import POOLS


def play(drive, judge, pools=POOLS, configure=None):
    """The exit code. `await drive(deployment)` tells `judge` what was done; every worker has then written its last line.

    `configure` changes the configuration of Thalamus before the start.
    """
    binary, keep = sys.argv[1], "--keep" in sys.argv[2:]
    return asyncio.run(run(Deployment(binary, pools), drive, judge, configure, keep))


async def run(deployment, drive, judge, configure, keep):
    began = time.monotonic()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    if configure:
        configure(deployment.thalamus.config)
    failed = 1
    try:
        async with deployment:
            told = await drive(deployment)
        passed, failed = report(list(judge(told, deployment)))
        print(f"{time.monotonic() - began:.0f} s")
        print(f"{passed} passed, {failed} failed")
    finally:
        if failed or keep:
            print(f"logs, configuration and database are in {deployment.run}", file=sys.stderr)
        else:
            deployment.forget()
    return 1 if failed else 0
