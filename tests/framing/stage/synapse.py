"""A Synapse listener: the site, the protocol and the request class of the released package, on Twisted's parser.

No database and no homeserver behind it: what is asked of it is only where a message ends. It runs on the loop of the
driver, so `install` comes before anything that imports a reactor.
"""
import asyncio
import logging
from unittest.mock import Mock

from stage.record import MARKER, Record


def install():
    from twisted.internet import asyncioreactor
    asyncioreactor.install(asyncio.get_running_loop())
    from twisted.internet import reactor
    reactor.startRunning(installSignalHandlers=False)
    logging.disable(logging.ERROR)
    from twisted.logger import globalLogBeginner
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)


class Synapse:
    def __init__(self, host, port):
        self.host, self.port = host, port
        self.begin()

    def begin(self, answer=None):
        self.record = Record()

    async def start(self):
        from twisted.internet import reactor
        self.listening = reactor.listenTCP(self.port, site(self), interface=self.host, backlog=256)

    async def stop(self):
        self.listening.stopListening()


def site(worker):
    from synapse.app.homeserver import SynapseHomeServer  # noqa: F401  what Synapse itself imports first
    from synapse.config.server import parse_listener_def
    from synapse.http.site import SynapseProtocol, SynapseSite, XForwardedForRequest
    from twisted.internet import reactor
    from twisted.web.resource import Resource

    class Leaf(Resource):
        isLeaf = True

        def render(self, request):
            request.setHeader(b"Content-Length", b"6" if request.uri.startswith(MARKER) else b"2")
            return b"marker" if request.uri.startswith(MARKER) else b"ok"

    class Recorded(XForwardedForRequest):
        def requestReceived(self, command, path, version):
            # Twisted calls this when it holds a request to be whole.
            self.content.seek(0)
            worker.record.add(command, path, self.content.read())
            super().requestReceived(command, path, version)

    class Protocol(SynapseProtocol):
        def _respondToBadRequestAndDisconnect(self):
            worker.record.faults.append("Twisted answers 400")
            super()._respondToBadRequestAndDisconnect()

    class Site(SynapseSite):
        def buildProtocol(self, addr):
            return Protocol(self, self.server_name, self.max_request_body_size, self.request_id_header, Recorded)

    listener = parse_listener_def(0, {"port": 1, "type": "http", "x_forwarded": True, "resources": []})
    return Site(logger_name="framing", site_tag="framing", config=listener, resource=Leaf(),
                server_version_string="Synapse", max_request_body_size=50 << 20, reactor=reactor,
                hs=Mock(hostname="hs.test"))
