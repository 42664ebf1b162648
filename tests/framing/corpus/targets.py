"""Request targets: what parsers cut, decode, or take for something else. What passes must pass byte for byte."""
from corpus.case import get, one, refused


def passes(name, target):
    return one(f"target: {name}", get(target=target), target=target)


def stops(name, target, status=400):
    return refused(f"target: {name}", get(target=target), status)


CASES = [
    passes("two slashes", b"//_matrix/case"),
    passes("dots", b"/_matrix/../case/./x"),
    passes("escaped dots", b"/_matrix/%2e%2e/case"),
    passes("escaped slash", b"/_matrix/a%2Fb"),
    passes("escaped NUL", b"/_matrix/a%00b"),
    passes("escaped CR LF", b"/_matrix/a%0d%0aX:%20y"),
    passes("escaped percent", b"/_matrix/a%252e"),
    passes("half an escape", b"/_matrix/a%2"),
    passes("no escape", b"/_matrix/a%zz"),
    passes("parameters", b"/_matrix/a;b=c/d"),
    passes("backslash", b"/_matrix\\case"),
    passes("two question marks", b"/_matrix/case?a?b"),
    passes("empty query", b"/_matrix/case?"),
    passes("a URL as path", b"/http://other.test/x"),
    passes("bars and braces", b"/_matrix/{a}|b^c"),
    passes("7,000 bytes", b"/_matrix/" + b"a" * 7000),
    stops("20,000 bytes", b"/_matrix/" + b"a" * 20000, 431),
    stops("absolute", b"http://hs.test/_matrix/case"),
    stops("absolute, another host", b"http://other.test/_matrix/case"),
    stops("absolute, another scheme", b"matrix-federation://other.test/_matrix/case"),
    stops("authority", b"hs.test:443"),
    stops("asterisk", b"*"),
    stops("no slash", b"_matrix/case"),
    stops("only a query", b"?a=b"),
    stops("fragment", b"/_matrix/case#x"),
    stops("fragment in the query", b"/_matrix/case?a#b"),
    stops("space", b"/_matrix/a b"),
    stops("tab", b"/_matrix/a\tb"),
    stops("NUL", b"/_matrix/a\0b"),
    stops("control byte", b"/_matrix/a\x01b"),
    stops("delete", b"/_matrix/a\x7fb"),
    stops("CR", b"/_matrix/a\rb"),
    stops("LF", b"/_matrix/a\nb"),
    stops("above ASCII", "/_matrix/\u00e9".encode()),
    stops("angle brackets", b"/_matrix/<a>"),
    stops("empty", b""),
    refused("target: two spaces before it", get(target=b" /_matrix/case")),
    refused("target: two spaces behind it", get(target=b"/_matrix/case ")),
    refused("target: tab behind it", b"GET /_matrix/case\tHTTP/1.1\r\nHost: hs.test\r\n\r\n"),
    refused("target: a version in it", get(target=b"/_matrix/case HTTP/1.1")),
]
