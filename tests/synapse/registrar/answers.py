"""Which servlet of a resource tree answers a request: Synapse's own matching, without running the servlet."""
import urllib.parse

from synapse.http.server import JsonResource, _AsyncResource
from twisted.web.resource import Resource, getChildForRequest


class Request:
    """As much of a request as finding its resource takes."""

    def __init__(self, method, path):
        self.method, self.path = method.encode(), path.encode()
        self.prepath = []
        self.postpath = [urllib.parse.unquote_to_bytes(part) for part in self.path[1:].split(b"/")]


class Answers:
    """The answers of one process."""

    def __init__(self, root):
        self.root, self.known = root, {}
        self.fixed = set(self.mounts())

    def servlet(self, method, path):
        """The name of the class that answers; None for Synapse's 404 and 405.

        `~` before it: the path is longer than the pattern, or another spelling of a fixed path, and no client asks so.
        """
        resource = getChildForRequest(self.root, Request(method, path))
        if isinstance(resource, JsonResource):
            return self.json(resource, path).get(method)
        servlet = plain(resource, method)
        return servlet if servlet is None or (method, path) in self.fixed else f"~{servlet}"

    def json(self, resource, path):
        """The servlets of the first pattern that fits, by method; remembered, as most paths are asked often."""
        if (resource, path) not in self.known:
            self.known[resource, path] = first_match(resource, path)
        return self.known[resource, path]

    def patterns(self):
        """(method, pattern) of everything that is registered with a pattern."""
        for resource in set(resources(self.root)):
            if isinstance(resource, JsonResource):
                for pattern, methods in resource._routes.items():
                    for method in methods:
                        yield method.decode(), pattern.pattern

    def mounts(self, resource=None, path=""):
        """(method, path) of everything that stands at a fixed path."""
        resource = resource or self.root
        if not isinstance(resource, JsonResource):
            for method in ("GET", "POST", "PUT", "DELETE"):
                if path and plain(resource, method):
                    yield method, path
            for name, child in resource.children.items():
                yield from self.mounts(child, f"{path}/{name.decode()}")


def first_match(resource, path):
    """As `JsonResource._get_handler_for_request` does: the first pattern decides, whatever its methods."""
    for pattern, methods in resource._routes.items():
        if pattern.match(path):
            sign = "" if pattern.fullmatch(path) else "~"
            return {method.decode(): sign + entry.servlet_classname for method, entry in methods.items()}
    return {}


def plain(resource, method):
    """For what is no collection of servlets: its own class, when that has a function for the method."""
    if isinstance(resource, _AsyncResource):
        found = hasattr(resource, f"_async_render_{method}")
    else:
        # Whoever overrides `render` itself is a page that says 404.
        found = type(resource).render is Resource.render and hasattr(resource, f"render_{method}")
    return type(resource).__name__ if found else None


def resources(root):
    yield root
    for child in root.children.values():
        yield from resources(child)
