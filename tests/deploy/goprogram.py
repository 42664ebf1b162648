"""Programs built once from the Go module proxy, kept in the cache."""
import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import tempfile

from machine import ROOT, run
from rig.environment import cache

KUBERNETES = "1.36.3"


def built(name, package, version):
    """The program of this package."""
    home = cache() / f"{name}-{version}"
    with once(home) as made:
        if made:
            run(go(), "install", "-trimpath", "-ldflags=-s -w", f"{package}@v{version}",
                env=dict(os.environ, GOBIN=str(made)))
    program, = home.iterdir()
    return program


def kubernetes_program(name):
    """A program of Kubernetes, whose released go.mod points at a source tree; ours points at published versions."""
    home = cache() / f"kubernetes-{KUBERNETES}" / name
    with once(home) as made, tempfile.TemporaryDirectory() as folder:
        if made:
            shutil.copy(ROOT / "tests/deploy/kubernetes/go.mod", folder)
            # Charts ask for the version, which only a stamped program knows.
            stamps = {"gitVersion": f"v{KUBERNETES}", "gitMajor": KUBERNETES.split(".")[0],
                      "gitMinor": KUBERNETES.split(".")[1]}
            flags = " ".join(f"-X k8s.io/component-base/version.{key}={value}" for key, value in stamps.items())
            run(go(), "build", f"-ldflags=-s -w {flags}", "-o", made, f"k8s.io/kubernetes/cmd/{name}", cwd=folder,
                env=dict(os.environ, GOFLAGS="-mod=mod"))
    return home


def module(path, version):
    """The folder of a module's source."""
    return pathlib.Path(json.loads(run(go(), "mod", "download", "-json", f"{path}@v{version}"))["Dir"])


def go():
    found = shutil.which("go")
    if not found:
        raise AssertionError("Go 1.26 or newer is missing; https://go.dev/dl has it")
    return found


@contextlib.contextmanager
def once(home):
    """Where to make what belongs at `home`, or None when it is there; one run at a time."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with open(home.with_name(f"{home.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if home.exists():
            yield None
            return
        made = home.with_name(f"{home.name}.new")
        yield made
        made.rename(home)
