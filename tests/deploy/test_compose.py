"""The compose files: sound by compose's own reference, pinned, and their configurations taken by who reads them."""
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

import yaml
from goprogram import built
from house import House, move_listeners, moved
from machine import ROOT, attempt, check, run
from rig.ports import HOST
from rig.process import Process

HOME = ROOT / "deploy/compose"
# The program of the compose specification, which `docker compose` is built on: schema, variables, what refers to what.
COMPOSE = built("compose-go", "github.com/compose-spec/compose-go/v2/cmd", "2.16.2")


class Compose(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="thalamus-compose-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.home = made(cls.folder)
        cls.project = loaded(cls.home)
        cls.services = cls.project["services"]

    def test_a_second_init_changes_nothing(self):
        key = (self.home / "secrets/signing_key").read_bytes()
        done = attempt("./init", "example.com", cwd=self.home)
        self.assertEqual(done.returncode, 1)
        self.assertIn("is there already", done.stderr)
        self.assertEqual((self.home / "secrets/signing_key").read_bytes(), key)

    def test_every_image_is_pinned(self):
        for name, service in self.services.items():
            self.assertRegex(service["image"], r"(:v?\d+\.\d+(\.\d+)?(-\w+)?|@sha256:[0-9a-f]{64})$", name)

    def test_nothing_of_ours_runs_with_rights_it_does_not_need(self):
        for name, service in self.services.items():
            if name != "postgres":      # its own image starts as root and drops it
                with self.subTest(name):
                    self.assertEqual((service["read_only"], service["cap_drop"]), (True, ["ALL"]))

    def test_only_thalamus_can_be_reached(self):
        published = {name: [port.get("host_ip", "") for port in service["ports"]]
                     for name, service in self.services.items() if "ports" in service}
        self.assertEqual(published, {"thalamus": ["", "127.0.0.1"]})
        self.assertTrue(self.project["networks"]["inside"]["internal"])

    def test_thalamus_takes_its_configuration_and_each_worker_in_it_is_a_service(self):
        text = (self.home / "thalamus.yaml").read_text()
        self.assertIn("sound", check(text))
        for name, pool in yaml.safe_load(text)["pools"].items():
            hosts = [worker.split(":")[0] for worker in pool.get("workers", [])] or [pool["dns"]["name"]]
            for host in hosts:
                self.assertIn(host, self.services, name)
                self.assertEqual("dns" in pool, "deploy" in self.services[host],
                                 f"{name}: what is scaled is found by DNS")


class Boot(House):
    """What the containers would run, as processes of this machine."""

    async def test_two_people_talk_and_each_service_does_its_part(self):
        self.home = made(self.folder)
        shared = self.home / "synapse/shared.yaml"
        shared.write_text(shared.read_text() + "enable_registration: true\nenable_registration_without_verification: true\n")
        (self.folder / "media").mkdir()
        services = {name: service for name, service in loaded(self.home)["services"].items()
                    if service.get("entrypoint") == ["/bin/sh", "/conf/start"]}
        self.containers = {name: [{8008: self.ports.free(), 9093: self.ports.free()}
                                  for _ in range(service.get("deploy", {}).get("replicas", 1))]
                           for name, service in services.items()}
        processes = [(self.process(f"{name}-{number}", services[name], ports), ports[8008])
                     for name, all_ports in self.containers.items() for number, ports in enumerate(all_ports, 1)]
        await self.boot(sorted(processes, key=lambda pair: pair[0].name != "synapse-main-1"))
        await self.start_thalamus({"pools": self.pools()})
        await self.everybody_does_their_part()

    def process(self, name, service, ports):
        home = self.folder / name
        places = {"/conf": home / "conf", "/tmp": home / "tmp", "/run/secrets": self.home / "secrets",
                  "/media": self.folder / "media"}
        for place in ("/conf", "/tmp"):
            places[place].mkdir(parents=True)
        for file in (self.home / "synapse").iterdir():
            text = moved(file.read_text(), places)
            if file.suffix == ".yaml":
                content = yaml.safe_load(text)
                if file.name == "shared.yaml":
                    self.move_shared(content, lambda host: self.containers[host][0][9093])
                move_listeners(content, ports)
                text = yaml.safe_dump(content)
            else:
                # Each container has a name of its own.
                text = text.replace("exec python ", f"exec {sys.executable} ").replace("$(hostname)", name)
            (home / "conf" / file.name).write_text(text)
        variables = [f"{key}={value}" for key, value in service["environment"].items()]
        argv = ["env", *variables, "/bin/sh", home / "conf/start", *service["command"]]
        return Process(name, argv, self.folder / f"{name}.log", cwd=home)

    def pools(self):
        """Those of thalamus.yaml; what it finds by DNS is listed."""
        pools = yaml.safe_load((self.home / "thalamus.yaml").read_text())["pools"]
        for pool in pools.values():
            dns = pool.pop("dns", None)
            host, port = (dns["name"], dns["port"]) if dns else pool["workers"][0].split(":")
            pool["workers"] = [{"name": f"{host}-{number}", "address": f"{HOST}:{ports[int(port)]}"}
                               for number, ports in enumerate(self.containers[host], 1)]
        return pools


def made(folder):
    """A copy of deploy/compose after its init."""
    home = folder / "compose"
    shutil.copytree(HOME, home, ignore=shutil.ignore_patterns("secrets", ".env"))
    run("./init", "example.org", cwd=home)
    return home


def loaded(home):
    """The project as compose understands it."""
    # `docker compose` reads .env; the reference program knows no variables.
    name = (home / ".env").read_text().strip().removeprefix("SERVER_NAME=")
    file = home / "filled.yaml"
    file.write_text(re.sub(r"\$\{SERVER_NAME:[^}]*\}", name, (home / "compose.yaml").read_text()))
    return yaml.safe_load(run(COMPOSE, file.name, cwd=home))
