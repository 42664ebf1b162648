"""One small question to a server: does it answer yet?"""
import asyncio


async def http_status(host, port, path, timeout=2):
    """The status of a GET; None when nothing answers."""
    head = await exchange(host, port, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", timeout)
    words = head.split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else None


async def exchange(host, port, text, timeout=2):
    """Send text, return the first line of the answer ('' when there is none)."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), timeout)
    except (OSError, asyncio.TimeoutError):
        return ""
    try:
        writer.write(text.encode())
        return (await asyncio.wait_for(reader.readline(), timeout)).decode("latin-1")
    except (OSError, asyncio.TimeoutError):
        return ""
    finally:
        writer.close()
