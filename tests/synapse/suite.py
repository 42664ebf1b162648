"""The run itself: start, drive, stop, judge. `run.py` starts this in the right environment."""
import asyncio
import signal
import sys
import time

from drive.drive import drive
from judge.verdict import judge
from rig.deployment import Deployment
from rig.synapse import SERVER_NAME


async def main(binary, keep):
    began = time.monotonic()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    deployment = Deployment(binary)
    failed = 1
    try:
        async with deployment:
            world = await drive(deployment.thalamus.url, SERVER_NAME, deployment.registration_secret, deployment.run)
        # After the stop: every worker has then written its last line.
        world.journal.save(deployment.logs / "requests.jsonl")
        passed, failed = judge(world, deployment)
        print(f"{time.monotonic() - began:.0f} s")
        print(f"{passed} passed, {failed} failed")
    finally:
        if failed or keep:
            print(f"logs, configuration and database are in {deployment.run}", file=sys.stderr)
        else:
            deployment.forget()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1], "--keep" in sys.argv[2:])))
