"""Pools that Services make by their labels, with the rights of the chart's Role and no list of pools."""
import asyncio
import json
import time

from cluster import NAMESPACE, Cluster, endpoint
from crowd import Crowd
from found import PORT, Thalamus, get, metric, names
from scale import Fleet, Moves, expect_share

USERS = 500
FAULTS = f'thalamus_label_faults{{namespace="{NAMESPACE}",service="more"}}'


async def run(binary, home):
    cluster, fleet = Cluster(home), Fleet()
    await cluster.start()
    first = await fleet.start(3)
    put(cluster, "sync", first)
    cluster.create_service("sync", {"thalamus/pool": "sync"})
    files = {"kubeconfig": str(cluster.kubeconfig), "labels": True}
    thalamus = Thalamus(binary, home, {}, kubernetes=files)
    try:
        await thalamus.start()
        await thalamus.until("the first pods", "sync", lambda pool: names(pool) == set(fleet.pods))
        crowd = Crowd(PORT, USERS)
        more = await second_service(cluster, fleet, thalamus, crowd)
        await faulty(cluster, fleet, thalamus, crowd)
        await label_gone(cluster, fleet, thalamus, crowd, more)
        await crowd.leave()
        assert not crowd.failures, f"{len(crowd.failures)} failed: {crowd.failures[:5]}"
        print(f"{crowd.answered} syncs answered, 0 failed")
    finally:
        await thalamus.process.stop()
        await fleet.stop(list(fleet.pods.values()))
        await cluster.stop()


def put(cluster, service, pods):
    cluster.put_slice(service, 1, [endpoint(pod.name, pod.address) for pod in pods])


async def second_service(cluster, fleet, thalamus, crowd):
    """A second Service of the same pool adds its pods; users move to those only."""
    before = await crowd.settle()
    more = await fleet.start(2)
    put(cluster, "more", more)
    cluster.create_service("more", {"thalamus/pool": "sync"})
    took = await thalamus.until("both Services", "sync", lambda pool: names(pool) == set(fleet.pods))
    moves = Moves(before, await crowd.settle())
    moves.only_to({pod.name for pod in more})
    expect_share(moves.share(), 2 / 5)
    assert fleet.cut() == 0, "polls of pods that stay are cut"
    print(f"a second Service of the pool: its pods known {took * 1000:.0f} ms after its label")
    return more


async def faulty(cluster, fleet, thalamus, crowd):
    """A fault in a label is told in three places, and nobody moves."""
    before = await crowd.settle()
    cluster.label_service("more", annotations={"thalamus/weight": "heavy"})
    why = "thalamus/weight: `heavy`: expected a weight above 0, at most 1000; 1 is usual"
    await until("an Event on the Service", lambda: ("more", why) in cluster.events(), thalamus)
    assert metric(FAULTS) == 1
    assert json.loads(get("/api/config"))["labels"] == [f"the Service {NAMESPACE}/more: {why}"]
    assert names(await thalamus.pool("sync")) == set(fleet.pods), "what it said before stays"
    cluster.create_service("taken", {"thalamus/pool": "main"})
    wins = "the configuration has a pool `main` too, and it wins"
    await until("the file wins", lambda: any(wins in note for _, note in cluster.events()), thalamus)
    assert Moves(before, await crowd.settle()).moved == set(), "nobody moves"
    cluster.label_service("more", annotations={"thalamus/weight": None})
    await until("no fault", lambda: "service=\"more\"" not in get("/metrics"), thalamus)
    print("a faulty label: an Event, a metric and a line of the status page; nobody moved")


async def label_gone(cluster, fleet, thalamus, crowd, more):
    """A label that is taken away takes its pods along; their users move, and nobody else."""
    before = await crowd.settle()
    cluster.label_service("more", labels={"thalamus/pool": None})
    left = set(fleet.pods) - {pod.name for pod in more}
    await thalamus.until("the pods that stay", "sync", lambda pool: names(pool) == left)
    moves = Moves(before, await crowd.settle())
    moves.only_from({pod.name for pod in more})
    assert fleet.cut() == 0, "polls of pods that stay are cut"
    print(f"a label taken away: {moves.share():.2f} of the users moved")


async def until(what, condition, thalamus, limit=20):
    began = time.monotonic()
    while not await asyncio.to_thread(condition):
        assert time.monotonic() - began < limit, f"{what}: not within {limit} s\n{thalamus.process.tail()}"
        await asyncio.sleep(0.05)
