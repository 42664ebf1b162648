"""The pods of the chart synapse as processes of this machine.

A process has the files and the command that the chart gives its pod. All share one address, so each has ports of its
own; names in DNS become that address.
"""
import base64
import dataclasses
import sys

import yaml
from helm import one
from house import House, move_listeners, moved
from rig.process import Process


@dataclasses.dataclass
class Pod:
    name: str
    labels: dict
    container: dict
    ports: dict           # those of the chart -> those of this machine

    def port(self, name):
        number, = (port["containerPort"] for port in self.container["ports"] if port["name"] == name)
        return self.ports[number]


class Pods(House):
    """The base of a test that boots what the chart made."""

    async def boot_pods(self, objects):
        """Starts all that controllers and nodes would start for these objects."""
        self.files = one(objects, "ConfigMap", "synapse")["data"]
        for folder in ("secrets", "media"):
            (self.folder / folder).mkdir()
        for key, value in one(objects, "Secret", "synapse-secrets")["data"].items():
            (self.folder / "secrets" / key).write_bytes(base64.b64decode(value))
        self.pods = sorted(self.made(objects), key=lambda pod: "-main-" not in pod.name)
        await self.boot([(self.process(pod), pod.port("http")) for pod in self.pods])

    def chosen(self, service):
        """The pods behind a Service."""
        return [pod for pod in self.pods if service["spec"]["selector"].items() <= pod.labels.items()]

    def made(self, objects):
        """The pods that controllers would make."""
        for o in objects:
            if o["kind"] not in ("Deployment", "StatefulSet"):
                continue
            template = o["spec"]["template"]
            container, = template["spec"]["containers"]
            for number in range(o["spec"]["replicas"]):
                # A Deployment's pods have names that nobody can know before.
                suffix = number if o["kind"] == "StatefulSet" else f"7f9c5d8b6-{number:05x}"
                # shared.yaml also has the main process' listeners, which a worker does not read.
                ports = {number: self.ports.free() for number in (8008, 9000, 9093)}
                yield Pod(f"{o['metadata']['name']}-{suffix}", template["metadata"]["labels"], container, ports)

    def process(self, pod):
        """What the pod would run, with its mounts as folders."""
        home = self.folder / pod.name
        places = {"/conf": home / "conf", "/tmp": home / "tmp", "/secrets": self.folder / "secrets",
                  "/media": self.folder / "media"}
        for place in ("/conf", "/tmp"):
            places[place].mkdir(parents=True)
        for name, text in self.files.items():
            content = yaml.safe_load(moved(text, places))
            if name == "shared.yaml":
                self.move_shared(content, self.replication)
            move_listeners(content, pod.ports)
            (home / "conf" / name).write_text(yaml.safe_dump(content))
        script = moved(pod.container["args"][0], places).replace("exec python ", f"exec {sys.executable} ")
        argv = ["env", f"POD_NAME={pod.name}", *pod.container["command"], script]
        return Process(pod.name, argv, self.folder / f"{pod.name}.log", cwd=home)

    def replication(self, host):
        """The port behind POD.SERVICE.NAMESPACE.svc.DOMAIN."""
        return next(pod for pod in self.pods if pod.name == host.split(".")[0]).port("replication")
