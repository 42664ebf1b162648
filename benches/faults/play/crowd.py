"""Clients who all ask for their first sync at once, in a process of their own.

    python3 crowd.py PORT NAME COUNT PATIENCE

Begins when a line comes in. Each waits PATIENCE seconds and then asks anew on a new connection, until it is answered.
Prints how many were answered 200 and how many something else, in how many tries, and the longest time to an answer.
"""
import asyncio
import collections
import json
import sys
import time

from client import Client

FIRST = "/_matrix/client/v3/sync?timeout=0"
# Nobody asks more often: something is wrong then, and the counts say so.
TRIES = 60


async def main(port, name, count, patience):
    clients = [Client(port, f"{name}{n}") for n in range(count)]
    for client in clients:
        await client.connect()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    ends = await asyncio.gather(*[until_answered(client, patience) for client in clients])
    print(json.dumps({"came": collections.Counter(str(came) for came, _, _ in ends),
                      "tries": sum(tries for _, tries, _ in ends), "longest": max(took for _, _, took in ends)}))


async def until_answered(client, patience):
    """What came in the end, in how many tries, after how many seconds."""
    began = time.perf_counter()
    for tries in range(1, TRIES + 1):
        try:
            answer = await asyncio.wait_for(client.ask("GET", FIRST), patience)
            return answer.came, tries, time.perf_counter() - began
        except asyncio.TimeoutError:
            client.close()
    return "nothing", TRIES, time.perf_counter() - began


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
