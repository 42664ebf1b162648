"""What the tests need on the machine, and how they run programs."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from rig.environment import no_service_starts
from rig.process import environment

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ["THALAMUS_BINARY"]


def run(*command, **options):
    """The program's output; when it fails, an error with all it said."""
    done = attempt(*command, **options)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def attempt(*command, **options):
    """The program's end, whatever it is."""
    return subprocess.run(command, capture_output=True, text=True, **options)


def check(text):
    """What thalamus check says of a configuration."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        # THALAMUS_* in the environment would override the configuration.
        return run(BINARY, "check", "--config", file.name, env=environment())


def debian(program, package):
    """Installs the package when the program is missing."""
    if shutil.which(program):
        return
    print(f"installing {package}", file=sys.stderr)
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    with no_service_starts():
        run(*apt, "update")
        run(*apt, "install", "-y", "--no-install-recommends", package,
            env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))
