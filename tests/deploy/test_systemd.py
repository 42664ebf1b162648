"""The unit file: systemd takes it, and its sandbox is tight."""
import pathlib
import re
import shutil
import tempfile
import unittest

from machine import BINARY, ROOT, debian, run

UNIT = ROOT / "deploy/systemd/thalamus.service"


class Unit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        debian("systemd-analyze", "systemd")

    def test_systemd_finds_no_fault_in_it(self):
        with tempfile.TemporaryDirectory() as folder:
            # The program is not installed where the unit looks for it.
            unit = pathlib.Path(folder, UNIT.name)
            unit.write_text(UNIT.read_text().replace("/usr/bin/thalamus", BINARY))
            said = run("systemd-analyze", "verify", "--recursive-errors=no", "--man=no", unit)
        self.assertEqual(said, "")

    def test_its_exposure_is_at_most_2(self):
        said = run("systemd-analyze", "security", "--offline=true", "--no-pager", UNIT)
        exposure = float(re.search(r"Overall exposure level for thalamus.service: ([0-9.]+)", said)[1])
        self.assertLessEqual(exposure, 2.0, said)

    def test_a_stop_may_take_longer_than_the_grace_period(self):
        full = (ROOT / "config/full.yaml").read_text()
        grace = int(re.search(r"grace: (\d+)s", full)[1])
        stop = int(re.search(r"TimeoutStopSec=(\d+)", UNIT.read_text())[1])
        self.assertGreater(stop, grace)

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
