"""helm, and what it renders."""
import yaml
from goprogram import built
from machine import ROOT, attempt, run

HELM = built("helm", "helm.sh/helm/v4/cmd/helm", "4.3.1")
CHARTS = ROOT / "deploy/helm"


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
