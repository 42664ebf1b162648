"""Host, and fields that must not stand twice."""
from corpus.case import get, one, post, refused


def host(name, value):
    return refused(f"host: {name}", get(host=b"Host: " + value))


CASES = [
    refused("host: none", get(host=None)),
    refused("host: twice the same", get(b"Host: hs.test")),
    refused("host: twice", get(b"Host: other.test")),
    refused("host: twice, another case", get(b"HOST: other.test")),
    refused("host: space before the colon", get(host=b"Host : hs.test")),
    refused("host: second one behind a space", get(b" Host: other.test")),
    one("host: with a port", get(host=b"Host: hs.test:8448")),
    one("host: an address", get(host=b"Host: [2001:db8::1]:8448")),
    one("host: empty", get(host=b"Host:")),
    one("host: in capitals", get(host=b"HOST: HS.TEST")),
    host("a list", b"hs.test, other.test"),
    host("two words", b"hs.test other.test"),
    host("a path", b"hs.test/x"),
    host("a query", b"hs.test?x"),
    host("a fragment", b"hs.test#x"),
    host("a user", b"user@hs.test"),
    host("a URL", b"http://hs.test/"),
    host("a backslash", b"hs.test\\x"),
    host("above ASCII", b"hs\xe9.test"),
    host("a NUL", b"hs.test\0"),
    host("a tab", b"hs.test\tx"),
    one("twice: Authorization", get(b"Authorization: Bearer a", b"Authorization: Bearer b")),
    one("twice: X-Forwarded-For", get(b"X-Forwarded-For: 1.2.3.4", b"X-Forwarded-For: 5.6.7.8")),
    one("twice: Content-Type", post(b"Content-Type: a/b", b"Content-Type: c/d")),
    one("twice: Cookie", get(b"Cookie: a=b", b"Cookie: c=d")),
]
