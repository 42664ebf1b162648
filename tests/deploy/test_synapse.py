"""The chart synapse boots a real Synapse, and Thalamus in front sends each request where its labels say."""
import pathlib

import helm
from pods import Pods
from rig.ports import HOST

VALUES = pathlib.Path(__file__).parent / "values/boot.yaml"


class Boot(Pods):
    async def test_two_people_talk_and_each_worker_does_its_part(self):
        objects = helm.template("synapse", "-f", VALUES, release="synapse")
        await self.boot_pods(objects)
        await self.start_thalamus({"pools": self.pools(objects)})
        await self.everybody_does_their_part()

    def pools(self, objects):
        """What Thalamus finds by the labels of the Services."""
        made = {}
        for o in objects:
            labels, notes = o["metadata"].get("labels", {}), o["metadata"].get("annotations", {})
            if o["kind"] != "Service" or "thalamus/pool" not in labels:
                continue
            port = notes["thalamus/port"]
            pool = {"workers": [{"name": pod.name, "address": f"{HOST}:{pod.port(port)}"} for pod in self.chosen(o)]}
            if "thalamus/serves" in notes:
                pool["serves"] = notes["thalamus/serves"].split(",")
            made[labels["thalamus/pool"]] = pool
        return made
