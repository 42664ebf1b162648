"""The releases of Synapse that are held against the table, and an environment for each."""
import pathlib

from rig import environment

# The oldest that the table knows, and the newest on PyPI (looked up in November 2026).
VERSIONS = ("1.157.1", "1.163.2")
DATA = pathlib.Path(__file__).resolve().parents[2] / "data"


def python(version):
    """The Python that has this release; made when missing. The extras register endpoints of their own."""
    return environment.python_environment(version, [f"matrix-synapse[oidc,saml2]=={version}"])


def facts_file(version):
    return DATA / f"endpoints-{version}.txt"
