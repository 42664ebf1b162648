"""Both charts installed in a real API server, their Synapse booted, and Thalamus in front finding its workers there.

The test plays controllers and nodes: it starts what the objects say and writes the EndpointSlices of the Services.
Thalamus has the configuration and the rights that its chart gives it.
"""
import json
import pathlib
import socket

import helm
import yaml
from cluster import Cluster
from goprogram import kubernetes_program
from machine import run
from pods import Pods

VALUES = pathlib.Path(__file__).parent / "values/boot.yaml"


class Whole(Pods):
    async def test_two_people_talk_through_what_helm_installed(self):
        folder = self.folder / "cluster"
        folder.mkdir()
        self.cluster = await self.enterAsyncContext(Cluster(folder, self.ports))
        self.kubectl("create", "namespace", "matrix")
        self.helm("install", "synapse", helm.CHARTS / "synapse", "--values", VALUES)
        self.helm("install", "thalamus", helm.CHARTS / "thalamus")
        await self.boot_pods(self.listed("deployments,statefulsets,configmaps,secrets", "synapse"))
        for service in self.listed("services", "synapse"):
            if "thalamus/pool" in service["metadata"]["labels"]:
                self.write_slices(service)
        config, = self.listed("configmaps", "thalamus")
        settings = yaml.safe_load(config["data"]["thalamus.yaml"])
        token = self.kubectl("--namespace", "matrix", "create", "token", "thalamus").strip()
        # What a pod knows by itself.
        kubeconfig = self.cluster.kubeconfig("thalamus", token)
        settings["kubernetes"] |= {"kubeconfig": str(kubeconfig), "namespaces": ["matrix"]}
        await self.start_thalamus(settings)
        await self.everybody_does_their_part()

    def kubectl(self, *arguments, **options):
        return run(kubernetes_program("kubectl"), *arguments, env=self.cluster.environment, **options)

    def helm(self, *arguments):
        return run(helm.HELM, *map(str, arguments), "--namespace", "matrix",
                   env=self.cluster.environment | {"HOME": str(self.folder)})

    def listed(self, kinds, release):
        return json.loads(self.kubectl("--namespace", "matrix", "get", kinds, "--output", "json", "--selector",
                                       f"app.kubernetes.io/instance={release}"))["items"]

    def write_slices(self, service):
        """What the controller of EndpointSlices would write; each pod has a port of its own here, so a slice too."""
        name = service["metadata"]["name"]
        for pod in self.chosen(service):
            self.kubectl("create", "--filename", "-", input=json.dumps({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                "metadata": {"name": f"{name}-{pod.name}"[-63:].strip("-"), "namespace": "matrix",
                             "labels": {"kubernetes.io/service-name": name}},
                "ports": [{"name": "http", "port": pod.port("http"), "protocol": "TCP"}],
                "endpoints": [{"addresses": [own_address()], "conditions": {"ready": True},
                               "targetRef": {"kind": "Pod", "name": pod.name, "namespace": "matrix"}}]}))


def own_address():
    """One of this machine that is not loopback's, which no slice may hold."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))     # sends nothing
        return probe.getsockname()[0]
