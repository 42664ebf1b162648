"""The pods of the chart synapse as processes of this machine: the same files and commands, other addresses.

Here all pods share one address, so each gets ports of its own; names in DNS become that address.
"""
import base64
import dataclasses
import re
import sys

import yaml
from helm import one
from rig.ports import HOST
from rig.probe import http_status
from rig.process import Process


@dataclasses.dataclass
class Pod:
    name: str
    labels: dict
    container: dict
    ports: dict           # those of the chart -> those of this machine

    @property
    def address(self):
        return f"{HOST}:{self.ports['http']}"


def pods(objects, free):
    """The pods that controllers would make; `free` gives a port."""
    made = []
    for o in objects:
        if o["kind"] not in ("Deployment", "StatefulSet"):
            continue
        template = o["spec"]["template"]
        container, = template["spec"]["containers"]
        for number in range(o["spec"]["replicas"]):
            # A Deployment's pods have names that nobody can know before.
            suffix = number if o["kind"] == "StatefulSet" else f"7f9c5d8b6-{number:05x}"
            ports = {port["name"]: free() for port in container["ports"]}
            made.append(Pod(f"{o['metadata']['name']}-{suffix}", template["metadata"]["labels"], container, ports))
    return made


class Synapse:
    """All pods of a release, below one folder."""

    def __init__(self, objects, folder, free, database, redis_port):
        self.folder, self.pods = folder, pods(objects, free)
        self.database, self.redis_port = database, redis_port
        self.files = one(objects, "ConfigMap")["data"]
        (folder / "secrets").mkdir()
        for key, value in one(objects, "Secret")["data"].items():
            (folder / "secrets" / key).write_bytes(base64.b64decode(value))
        (folder / "media").mkdir()
        self.processes = [self.process(pod) for pod in self.pods]

    def process(self, pod):
        """What the pod would run, with its mounts as folders."""
        home = self.folder / pod.name
        (home / "tmp").mkdir(parents=True)
        (home / "conf").mkdir()
        places = {"/conf": home / "conf", "/tmp": home / "tmp", "/secrets": self.folder / "secrets",
                  "/media": self.folder / "media"}
        for name, text in self.files.items():
            content = yaml.safe_load(moved(text, places))
            if name == "shared.yaml":
                self.move_others(content)
            for listener in content.get("worker_listeners", []) + content.get("listeners", []):
                listener |= {"port": pod.ports[self.port_name(pod, listener["port"])], "bind_addresses": [HOST]}
            (home / "conf" / name).write_text(yaml.safe_dump(content))
        script = moved(pod.container["args"][0], places).replace("exec python ", f"exec {sys.executable} ")
        argv = ["env", f"POD_NAME={pod.name}", *pod.container["command"], script]
        return Process(pod.name, argv, self.folder / f"{pod.name}.log", cwd=home)

    def move_others(self, content):
        """The addresses of other processes."""
        content["database"]["args"] |= {"host": str(self.database)}
        del content["database"]["args"]["port"]
        content["redis"] |= {"host": HOST, "port": self.redis_port}
        for place in content["instance_map"].values():
            # POD.SERVICE.NAMESPACE.svc.DOMAIN
            pod = next(pod for pod in self.pods if pod.name == place["host"].split(".")[0])
            place |= {"host": HOST, "port": pod.ports["replication"]}

    def port_name(self, pod, number):
        names = {port["containerPort"]: port["name"] for port in pod.container["ports"]}
        # shared.yaml also has the main process' listeners, which a worker does not read.
        return names.get(number, "http")

    async def start(self):
        """The main process makes the tables; then all others."""
        together = list(zip(self.pods, self.processes, strict=True))
        together.sort(key=lambda pair: "-main-" not in pair[0].name)
        (pod, main), *workers = together
        main.start()
        await main.until(healthy(pod), limit=300)
        for _, worker in workers:
            worker.start()
        for pod, worker in workers:
            await worker.until(healthy(pod), limit=300)

    def thalamus_pools(self, objects):
        """What Thalamus finds by the labels of the Services."""
        made = {}
        for o in objects:
            labels, notes = o["metadata"].get("labels", {}), o["metadata"].get("annotations", {})
            if o["kind"] != "Service" or "thalamus/pool" not in labels:
                continue
            chosen = [pod for pod in self.pods if o["spec"]["selector"].items() <= pod.labels.items()]
            pool = {"workers": [{"name": pod.name, "address": pod.address} for pod in chosen]}
            if "thalamus/serves" in notes:
                pool["serves"] = notes["thalamus/serves"].split(",")
            made[labels["thalamus/pool"]] = pool
        return made


def healthy(pod):
    """The pod's startup probe."""
    async def ask():
        return await http_status(HOST, pod.ports["http"], pod.container["startupProbe"]["httpGet"]["path"]) == 200
    return ask


def moved(text, places):
    """The text with other folders; all at once, or a new folder's name would be taken for a place."""
    return re.sub(rf"(?<!\w)({'|'.join(places)})(?!\w)", lambda place: str(places[place[0]]), text)
