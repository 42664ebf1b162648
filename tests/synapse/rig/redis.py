"""Redis for one run: nothing kept."""
from rig.environment import program
from rig.ports import HOST
from rig.probe import exchange
from rig.process import Process


class Redis:
    def __init__(self, home, log, port):
        home.mkdir()
        self.port = port
        self.process = Process("redis", [program("redis-server"), "--bind", HOST, "--port", port, "--dir", home,
                                         "--save", "", "--appendonly", "no", "--daemonize", "no"], log)

    async def start(self):
        self.process.start()
        await self.process.until(self.answers)

    async def answers(self):
        return (await exchange(HOST, self.port, "PING\r\n")).startswith("+PONG")
