"""Content-Length in every spelling, alone, twice, and beside chunks."""
from corpus.case import ITS_LENGTH, SMUGGLED, get, held, one, post, refused

LENGTH = b"Content-Length: "
CHUNKED = b"Transfer-Encoding: chunked"
LAST = b"0\r\n\r\n"


def length(value, body=b"hello"):
    return post(LENGTH + value, body=body)


CASES = [
    one("length: right", length(b"5"), b"hello"),
    one("length: zero", length(b"0", b"")),
    one("length: leading zeros", length(b"0005"), b"hello"),
    one("length: space behind it", length(b"5  "), b"hello"),
    one("length: tab before it", length(b"\t5"), b"hello"),
    one("length: no space before it", post(b"content-length:5", body=b"hello"), b"hello"),
    one("length: in capitals", post(b"CONTENT-LENGTH: 5", body=b"hello"), b"hello"),
    one("length: of a GET", get(LENGTH + b"5") + b"hello", b"hello"),
    one("length: of a DELETE", get(LENGTH + b"5", method=b"DELETE") + b"hello", b"hello"),
    one("length: the body looks like a request", length(ITS_LENGTH, SMUGGLED), SMUGGLED),
    one("length: none, nothing follows", post()),
    one("length: none, a request follows", post(body=SMUGGLED), most=2),
    one("length: zero, a request follows", length(b"0", SMUGGLED), most=2),
    one("length: a request follows the body", length(b"5", b"hello" + SMUGGLED), b"hello", most=2),
    held("length: the body does not come", length(b"5000")),
    refused("length: plus", length(b"+5")),
    refused("length: minus", length(b"-5")),
    refused("length: minus zero", length(b"-0", SMUGGLED)),
    refused("length: hexadecimal", length(b"0x5")),
    refused("length: fraction", length(b"5.0")),
    refused("length: exponent", length(b"5e0")),
    refused("length: underscore", length(b"1_0")),
    refused("length: words", length(b"five")),
    refused("length: empty", length(b"")),
    refused("length: two numbers", length(b"5 5")),
    refused("length: list of equals", length(b"5, 5")),
    refused("length: list of others", length(b"5, 0")),
    refused("length: trailing comma", length(b"5,")),
    refused("length: semicolon", length(b"5;a=b")),
    refused("length: quoted", length(b'"5"')),
    refused("length: vertical tab", length(b"5\x0b")),
    refused("length: form feed before it", length(b"\x0c5")),
    refused("length: NUL", length(b"5\0")),
    refused("length: digits of another script", length("\u0665".encode())),
    refused("length: no-break space", length(b"\xa05")),
    refused("length: overflows 64 bits", length(b"18446744073709551616")),
    refused("length: overflows to five", length(b"18446744073709551621")),
    refused("length: 2^64-1", length(b"18446744073709551615"), 413),
    refused("length: a gigabyte", length(b"1000000000"), 413),
    refused("length: twice the same", post(LENGTH + b"5", LENGTH + b"5", body=b"hello")),
    refused("length: twice, zero last", post(LENGTH + b"5", LENGTH + b"0", body=b"hello")),
    refused("length: twice, zero first", post(LENGTH + b"0", LENGTH + ITS_LENGTH, body=SMUGGLED)),
    refused("length: twice, another case", post(b"Content-Length: 0", b"content-length: " + ITS_LENGTH, body=SMUGGLED)),
    refused("length: space before the colon", post(b"Content-Length : " + ITS_LENGTH, body=SMUGGLED)),
    refused("length: tab before the colon", post(b"Content-Length\t: " + ITS_LENGTH, body=SMUGGLED)),
    refused("length: space before the name", post(b" Content-Length: " + ITS_LENGTH, body=SMUGGLED)),
    refused("length: folded", post(b"Content-Length:\r\n " + ITS_LENGTH, body=SMUGGLED)),
    one("length: underscore in the name", get(b"Content_Length: " + ITS_LENGTH)),
    one("length: another field's name", get(b"X-Content-Length: " + ITS_LENGTH)),
    refused("CL.TE: length, then chunked", post(LENGTH + ITS_LENGTH, CHUNKED, body=LAST + SMUGGLED)),
    refused("TE.CL: chunked, then length", post(CHUNKED, LENGTH + b"4", body=b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n" + LAST)),
    refused("CL.TE: zero length", post(LENGTH + b"0", CHUNKED, body=LAST)),
    refused("CL.TE: both say the same", post(LENGTH + b"5", CHUNKED, body=LAST)),
    refused("CL.TE: identity", post(LENGTH + b"5", b"Transfer-Encoding: identity", body=b"hello")),
]
