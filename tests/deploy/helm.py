"""helm, built once from the Go module proxy, and what it renders."""
import fcntl
import os
import shutil

import yaml
from machine import ROOT, attempt, run
from rig.environment import cache

VERSION = "4.3.1"
HOME = cache() / f"helm-{VERSION}"
HELM = HOME / "helm"
CHARTS = ROOT / "deploy/helm"


def install():
    """Builds helm when the cache has none; one run at a time."""
    HOME.parent.mkdir(parents=True, exist_ok=True)
    with open(HOME.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if HELM.exists():
            return
        if not shutil.which("go"):
            raise AssertionError("helm is built with Go 1.26 or newer, which is missing; https://go.dev/dl has it")
        made = HOME.with_suffix(".new")
        run("go", "install", "-trimpath", "-ldflags=-s -w", f"helm.sh/helm/v4/cmd/helm@v{VERSION}",
            env=dict(os.environ, GOBIN=str(made)))
        made.rename(HOME)


def template(chart, *options, release="t", namespace="matrix"):
    """The objects that a release would have, hooks too."""
    text = run(HELM, "template", release, CHARTS / chart, "--namespace", namespace, *options)
    return [document for document in yaml.safe_load_all(text) if document]


def refusal(chart, *options):
    """What helm says about values that it refuses."""
    done = attempt(HELM, "template", "t", CHARTS / chart, *options)
    if done.returncode == 0:
        raise AssertionError(f"{options} was taken")
    return done.stderr


def one(objects, kind, name=None):
    """The only object of this kind, or of this kind and name."""
    found = [o for o in objects if o["kind"] == kind and name in (None, o["metadata"]["name"])]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} objects are a {kind} {name or ''}")
    return found[0]
