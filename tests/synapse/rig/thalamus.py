"""Thalamus in front of the deployment: its configuration and its process."""
import yaml

from rig.ports import HOST
from rig.probe import http_status
from rig.process import Process


class Thalamus:
    def __init__(self, binary, topology, ports, config, logs):
        self.binary, self.config = binary, config
        self.port, self.admin_port = ports.free(), ports.free()
        config.write_text(yaml.safe_dump(settings(topology, self.port, self.admin_port), sort_keys=False))
        # Its log goes to stderr, its access log to stdout.
        self.process = Process("thalamus", [binary, "run", "--config", config], logs / "thalamus.log",
                               out=logs / "thalamus.access.log")

    @property
    def url(self):
        return f"http://{HOST}:{self.port}"

    @property
    def admin_url(self):
        return f"http://{HOST}:{self.admin_port}"

    async def start(self):
        """Start it and wait until it says that it is ready; seconds it took."""
        self.process.start()
        return await self.process.until(self.ready, limit=30)

    async def ready(self):
        return await http_status(HOST, self.admin_port, "/ready") == 200


def settings(topology, port, admin_port):
    """The configuration an admin would write for this deployment."""
    pools = {"main": {"workers": [topology.main.address]}}
    for pool in topology.serving():
        pools[pool.name] = {
            "serves": list(pool.serves),
            "workers": [{"name": m.name, "address": m.address} for m in topology.of(pool.name)],
        }
    return {
        "access_log": "text",
        "listeners": [{"address": f"{HOST}:{port}", "trusted_proxies": ["127.0.0.0/8"],
                       "admin_api": True}],
        "admin": {"address": f"{HOST}:{admin_port}"},
        "pools": pools,
    }
