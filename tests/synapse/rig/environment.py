"""What a run needs on the machine: Debian packages and a cached Python environment.

Standard library only: this runs before the environment exists.
"""
import fcntl
import glob
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

SYNAPSE_VERSION = "1.163.2"
# psycopg2-binary in place of the [postgres] extra: a wheel, so no compiler is needed.
PYTHON_PACKAGES = [
    f"matrix-synapse[redis]=={SYNAPSE_VERSION}",
    "psycopg2-binary==2.9.13",
    "matrix-nio==0.26.0",
    "aiohttp==3.14.5",
]
DEBIAN_PACKAGES = {"postgres": "postgresql", "redis-server": "redis-server"}
POLICY = pathlib.Path("/usr/sbin/policy-rc.d")


def prepare():
    """Install what is missing; return the environment's Python."""
    install_programs()
    return python_environment(SYNAPSE_VERSION, PYTHON_PACKAGES)


def program(name):
    """The path of a program. Debian keeps PostgreSQL's server programs out of PATH."""
    found = shutil.which(name) or max(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), default=None)
    if not found:
        raise SystemExit(f"{name} not found; on Debian: apt-get install {' '.join(DEBIAN_PACKAGES.values())}")
    return found


def install_programs(packages=None):
    """Install the Debian packages of those programs that are missing, where we may: {program: package}."""
    wanted = DEBIAN_PACKAGES if packages is None else packages
    missing = [package for name, package in wanted.items() if not is_installed(name)]
    if not missing or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print(f"installing {' '.join(missing)}", file=sys.stderr)
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    with no_service_starts():
        subprocess.run([*apt, "update"], check=True, stdout=sys.stderr)
        subprocess.run([*apt, "install", "-y", "--no-install-recommends", *missing], check=True,
                       stdout=sys.stderr, env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))


def is_installed(name):
    try:
        return bool(program(name))
    except SystemExit:
        return False


class no_service_starts:
    """Keep fresh packages from starting services of their own on the standard ports."""

    def __enter__(self):
        self.ours = not POLICY.exists()
        if self.ours:
            POLICY.write_text("#!/bin/sh\nexit 101\n")
            POLICY.chmod(0o755)

    def __exit__(self, *_):
        if self.ours:
            POLICY.unlink()


def cache():
    return pathlib.Path(os.environ.get("THALAMUS_CACHE", "~/.cache/thalamus")).expanduser()


def python_environment(synapse, packages):
    """The Python of a cached environment for a release of Synapse; made when missing, one run at a time."""
    wanted = "\n".join([sys.version, *packages])
    key = hashlib.sha256(wanted.encode()).hexdigest()[:12]
    home = cache() / f"synapse-{synapse}" / key
    python, done = home / "bin" / "python", home / "complete"
    home.parent.mkdir(parents=True, exist_ok=True)
    with open(home.parent / f"{key}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            print(f"building the Python environment in {home}", file=sys.stderr)
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                            *packages], check=True, stdout=sys.stderr)
            done.write_text(wanted)
    return python
