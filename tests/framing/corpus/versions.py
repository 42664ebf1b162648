"""Versions and methods."""
from corpus.case import SMUGGLED, get, one, refused


def version(name, version):
    return refused(f"version: {name}", get(version=version))


def method(name, method):
    return refused(f"method: {name}", get(method=method))


CASES = [
    one("version: HTTP/1.0", get(version=b"HTTP/1.0")),
    one("version: HTTP/1.0 without a Host", get(version=b"HTTP/1.0", host=None)),
    one("version: HTTP/1.0, kept alive", get(b"Connection: keep-alive", version=b"HTTP/1.0")),
    one("version: HTTP/1.0, a request follows", get(version=b"HTTP/1.0") + SMUGGLED),
    version("HTTP/1.2", b"HTTP/1.2"),
    version("HTTP/1.9", b"HTTP/1.9"),
    version("HTTP/2.0", b"HTTP/2.0"),
    version("HTTP/0.9", b"HTTP/0.9"),
    version("HTTP/1.10", b"HTTP/1.10"),
    version("HTTP/1.1x", b"HTTP/1.1x"),
    version("HTTP/01.1", b"HTTP/01.1"),
    version("HTTP/1", b"HTTP/1"),
    version("HTTP/11", b"HTTP/11"),
    version("HTTP/1,1", b"HTTP/1,1"),
    version("lower case", b"http/1.1"),
    version("another protocol", b"ICY/1.1"),
    version("space in it", b"HTTP/ 1.1"),
    version("space behind it", b"HTTP/1.1 "),
    version("tab behind it", b"HTTP/1.1\t"),
    version("none", None),
    one("method: lower case", get(method=b"get")),
    one("method: unknown", get(method=b"FROB")),
    one("method: every byte of a token", get(method=b"X!#$%&'*+-.^_`|~9")),
    method("none", b""),
    method("tab in it", b"G\tET"),
    method("NUL in it", b"G\0ET"),
    method("slash", b"G/T"),
    method("quoted", b'"GET"'),
    method("colon", b"GET:"),
    method("above ASCII", b"G\xe9T"),
    method("CONNECT with a path", b"CONNECT"),
]
