"""Everything that clients and servers do, through a large deployment. `run.py` starts this in the right environment."""
import sys

from drive.drive import drive
from judge.verdict import judge
from play import play
from rig.synapse import SERVER_NAME


async def everything(deployment):
    return await drive(deployment.thalamus.url, SERVER_NAME, deployment.registration_secret, deployment.run)


if __name__ == "__main__":
    sys.exit(play(everything, judge))
