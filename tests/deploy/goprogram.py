"""Programs built once from the Go module proxy, kept in the cache."""
import fcntl
import os
import shutil

from machine import run
from rig.environment import cache


def built(name, package, version):
    """The program of this package; one run at a time builds it when the cache has none."""
    home = cache() / f"{name}-{version}"
    home.parent.mkdir(parents=True, exist_ok=True)
    with open(home.with_name(f"{home.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.exists():
            if not shutil.which("go"):
                raise AssertionError(f"{name} is built with Go 1.26 or newer, which is missing; https://go.dev/dl has it")
            made = home.with_name(f"{home.name}.new")
            run("go", "install", "-trimpath", "-ldflags=-s -w", f"{package}@v{version}",
                env=dict(os.environ, GOBIN=str(made)))
            made.rename(home)
    program, = home.iterdir()
    return program
