"""The unit file: systemd takes it, and its sandbox is tight."""
import pathlib
import re
import shutil
import tempfile
import unittest

from machine import BINARY, ROOT, attempt, debian, run

UNIT = ROOT / "deploy/systemd/thalamus.service"


class Unit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        debian("systemd-analyze", "systemd")

    def verified(self, with_drop_in):
        """What systemd has against the unit; the program is not installed where the unit looks for it."""
        with tempfile.TemporaryDirectory() as folder:
            unit = pathlib.Path(folder, UNIT.name)
            unit.write_text(UNIT.read_text().replace("/usr/bin/thalamus", BINARY))
            if with_drop_in:
                (pathlib.Path(folder) / f"{UNIT.name}.d").mkdir()
                shutil.copy(UNIT.with_name("notify-reload.conf"), pathlib.Path(folder) / f"{UNIT.name}.d")
            done = attempt("systemd-analyze", "verify", "--recursive-errors=no", "--man=no", unit)
            return (done.stdout + done.stderr).strip()

    def test_systemd_finds_no_fault_in_it(self):
        self.assertEqual(self.verified(with_drop_in=False), "")

    def test_a_newer_systemd_takes_the_drop_in(self):
        version = int(run("systemd-analyze", "--version").split()[1])
        said = self.verified(with_drop_in=True)
        if version >= 253:
            self.assertEqual(said, "")
        else:
            # One line and no other: what this systemd cannot know yet.
            self.assertRegex(said, r"\A\S+notify-reload.conf:\d+: Failed to parse service type, ignoring: notify-reload\Z")

    def test_its_exposure_is_at_most_2(self):
        said = run("systemd-analyze", "security", "--offline=true", "--no-pager", UNIT)
        exposure = float(re.search(r"Overall exposure level for thalamus.service: ([0-9.]+)", said)[1])
        self.assertLessEqual(exposure, 2.0, said)

    def test_a_stop_may_take_as_long_as_thalamus_waits(self):
        waits = re.findall(r"^  (?:delay|grace): (\d+)s", (ROOT / "config/full.yaml").read_text(), re.MULTILINE)
        self.assertEqual(len(waits), 2)
        stop = int(re.search(r"TimeoutStopSec=(\d+)", UNIT.read_text())[1])
        self.assertGreater(stop, sum(map(int, waits)))

    def test_the_user_it_runs_as_is_made(self):
        with tempfile.TemporaryDirectory() as root:
            made = pathlib.Path(root, "usr/lib/sysusers.d/thalamus.conf")
            made.parent.mkdir(parents=True)
            shutil.copy(UNIT.with_name("sysusers.conf"), made)
            pathlib.Path(root, "etc").mkdir()
            run("systemd-sysusers", f"--root={root}")
            users = pathlib.Path(root, "etc/passwd").read_text()
            groups = pathlib.Path(root, "etc/group").read_text()
        self.assertRegex(users, "(?m)^thalamus:")
        self.assertRegex(groups, "(?m)^thalamus:")
