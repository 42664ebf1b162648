"""What is sent: raw requests, and raw answers, that two parsers could read differently. Data only."""
from corpus import answers, chunks, connection, hosts, http2, lengths, lines, targets, versions

REQUESTS = [*lengths.CASES, *chunks.CASES, *lines.CASES, *targets.CASES, *versions.CASES, *hosts.CASES,
            *connection.CASES]
ANSWERS = answers.CASES
STREAMS = http2.CASES
