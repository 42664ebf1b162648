"""Both charts against a real API server: every object taken as it is, and the newcomer's page run as written."""
import asyncio
import json
import os
import pathlib
import re
import shutil
import tempfile
import unittest

import helm
import yaml
from cluster import Cluster
from goprogram import kubernetes_program, module
from machine import ROOT, attempt, check, run
from rig.ports import Ports

VALUES = pathlib.Path(__file__).parent / "values"
SETS = [("thalamus", []), ("thalamus", ["full.yaml"]), ("thalamus", ["bare.yaml"]),
        ("synapse", ["no-workers.yaml"]), ("synapse", ["workers.yaml"]), ("synapse", ["boot.yaml"])]
PAGE = ROOT / "deploy/README.md"


def kinds():
    """The kinds that the charts use and Kubernetes does not have by itself."""
    gateway = module("sigs.k8s.io/gateway-api", "1.6.1") / "config/crd/standard"
    prometheus = module("github.com/prometheus-operator/prometheus-operator", "0.85.0") / "example/prometheus-operator-crd"
    return [gateway / "gateway.networking.k8s.io_httproutes.yaml",
            *[prometheus / f"monitoring.coreos.com_{kind}.yaml" for kind in ("podmonitors", "servicemonitors")]]


class Kubernetes(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="thalamus-kubernetes-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        ports = Ports()
        self.addCleanup(ports.close)
        asyncio.get_running_loop().slow_callback_duration = 600     # programs are waited for; that is no fault
        cluster = await self.enterAsyncContext(Cluster(self.folder, ports))
        self.programs = self.folder / "bin"
        self.programs.mkdir()
        (self.programs / "kubectl").symlink_to(kubernetes_program("kubectl"))
        (self.programs / "helm").symlink_to(helm.HELM)
        self.environment = cluster.environment | {"PATH": f"{self.programs}:{os.environ['PATH']}",
                                                  "HOME": str(self.folder)}

    def kubectl(self, *arguments, **options):
        return run("kubectl", *arguments, env=self.environment, **options)

    def helm(self, *arguments):
        return run("helm", *arguments, "--namespace", "matrix", env=self.environment)

    def shown(self, kind, name):
        return json.loads(self.kubectl("--namespace", "matrix", "get", kind, name, "--output", "json"))

    def test_every_object_is_taken_as_it_is(self):
        for file in kinds():
            self.kubectl("create", "--filename", str(file))
        self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        for namespace in ("matrix", "synapse-a", "synapse-b"):
            self.kubectl("create", "namespace", namespace)
        for chart, sets in SETS:
            with self.subTest(chart=chart, sets=sets):
                objects = helm.template(chart, *[word for name in sets for word in ("-f", VALUES / name)])
                for o in objects:
                    o["metadata"].setdefault("namespace", "matrix")
                said = self.kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename", "-",
                                    input=yaml.safe_dump_all(objects))
                self.assertEqual(len(said.splitlines()), len(objects), said)

    def test_install_upgrade_and_rollback(self):
        self.kubectl("create", "namespace", "matrix")
        chart = str(helm.CHARTS / "thalamus")
        self.helm("install", "t", chart)
        first = self.shown("deployment", "t-thalamus")
        self.helm("upgrade", "t", chart, "--set", "config.access_log=none,service.type=LoadBalancer")
        self.assertIn("access_log: none", self.shown("configmap", "t-thalamus")["data"]["thalamus.yaml"])
        self.assertEqual(self.shown("service", "t-thalamus")["spec"]["type"], "LoadBalancer")
        second = self.shown("deployment", "t-thalamus")
        self.assertEqual(second["metadata"]["generation"], first["metadata"]["generation"], "no pod restarts for it")
        self.helm("rollback", "t")
        self.assertIn("access_log: json", self.shown("configmap", "t-thalamus")["data"]["thalamus.yaml"])
        self.assertEqual(self.shown("service", "t-thalamus")["spec"]["type"], "ClusterIP")
        self.helm("uninstall", "t")
        left = self.kubectl("--namespace", "matrix", "get", "all,configmap,role,poddisruptionbudget", "--output", "name",
                            "--selector", "app.kubernetes.io/instance=t")
        self.assertEqual(left, "")

    def test_secrets_of_synapse_survive_an_upgrade_and_an_uninstall(self):
        self.kubectl("create", "namespace", "matrix")
        values = ["--values", str(VALUES / "no-workers.yaml")]
        self.helm("install", "s", str(helm.CHARTS / "synapse"), *values)
        made = self.shown("secret", "s-synapse-secrets")["data"]
        self.helm("upgrade", "s", str(helm.CHARTS / "synapse"), *values, "--set", "log=DEBUG")
        self.assertEqual(self.shown("secret", "s-synapse-secrets")["data"], made)
        self.helm("uninstall", "s")
        self.assertEqual(self.shown("secret", "s-synapse-secrets")["data"], made)

    def test_the_newcomers_page_works_as_written(self):
        """What a reader can do without a node: the blocks marked sh. Those marked console need running pods."""
        page = PAGE.read_text()
        section = page[page.index("\n## Kubernetes"):page.index("\n## Compose")]
        blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
        self.assertGreater(len(blocks), 4)
        here = self.folder / "checkout"
        here.mkdir()
        (here / "deploy").symlink_to(ROOT / "deploy")
        for block in blocks:
            done = attempt("bash", "-euo", "pipefail", "-c", block, env=self.environment, cwd=here)
            self.assertEqual(done.returncode, 0, f"{block}\n{done.stdout}{done.stderr}")
        self.assertEqual(self.shown("statefulset", "synapse-event-persister")["spec"]["replicas"], 3)
        self.assertEqual(self.shown("service", "synapse-sync")["metadata"]["labels"]["thalamus/pool"], "sync")
        self.assertEqual(self.shown("deployment", "thalamus")["spec"]["replicas"], 2)
        config = self.shown("configmap", "thalamus")["data"]["thalamus.yaml"]
        self.assertIn("sound", check(config))
        self.assertEqual(yaml.safe_load(config)["kubernetes"], {"labels": True}, "no list of pools")
        # Each Service that should get requests has its label.
        labelled = json.loads(self.kubectl("--namespace", "matrix", "get", "services", "--selector", "thalamus/pool",
                                           "--output", "json"))["items"]
        self.assertEqual({o["metadata"]["labels"]["thalamus/pool"] for o in labelled}, {
            "main", "sync", "initial_sync", "client_reader", "event_creator", "federation_inbound", "federation_reader",
            "writers", "media"})
