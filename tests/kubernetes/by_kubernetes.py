"""Pods found by the EndpointSlices of a real API server."""
import asyncio
import time

from cluster import NAMESPACE, Cluster, endpoint
from crowd import Crowd
from found import PORT, Thalamus, metric, names
from scale import Fleet, Moves, expect_share

USERS = 500
STALE = 'thalamus_pool_stale_seconds{pool="sync"}'


async def run(binary, home):
    cluster, fleet = Cluster(home), Fleet()
    await cluster.start()
    cluster.create_service("sync")
    await fleet.start(3)
    publish(cluster, fleet)
    pools = {"sync": {"serves": ["sync"], "kubernetes": {"service": "sync", "port": "http"}},
             "big": {"serves": ["media"], "kubernetes": {"service": "big", "port": "http", "namespace": NAMESPACE}}}
    files = {"kubeconfig": str(cluster.kubeconfig), "snapshot": str(home)}
    thalamus = Thalamus(binary, home, pools, kubernetes=files)
    try:
        await thalamus.start()
        await thalamus.until("the first pods", "sync", lambda pool: names(pool) == set(fleet.pods))
        crowd = Crowd(PORT, USERS)
        await scaling(cluster, fleet, crowd)
        await away(cluster, fleet, crowd, thalamus)
        await without_rights(cluster, fleet, thalamus)
        await many(cluster, crowd, thalamus)
        await crowd.leave()
        assert not crowd.failures, f"{len(crowd.failures)} failed: {crowd.failures[:5]}"
        print(f"{crowd.answered} syncs answered, 0 failed")
        await from_snapshot(cluster, fleet, thalamus)
    finally:
        await thalamus.process.stop()
        await fleet.stop(list(fleet.pods.values()))
        await cluster.stop()


def publish(cluster, fleet, terminating=()):
    """Writes the slice as it is now."""
    pods = [endpoint(pod.name, pod.address, terminating=pod in terminating) for pod in fleet.pods.values()]
    cluster.put_slice("sync", 1, pods)


async def scaling(cluster, fleet, crowd):
    """3 -> 10 -> 2 -> 11 pods; a change moves those users whom it must."""
    first = await crowd.settle()
    assert set(first.values()) == set(fleet.pods), "every pod has users"
    for count in (10, 2, 11):
        before, had = await crowd.settle(), len(fleet.pods)
        if count > had:
            new = await grow(cluster, fleet, count - had)
            moves = Moves(before, await crowd.settle())
            moves.only_to({pod.name for pod in new})
            expect_share(moves.share(), (count - had) / count)
        else:
            gone = await shrink(cluster, fleet, count)
            moves = Moves(before, await crowd.settle())
            moves.only_from({pod.name for pod in gone})
            expect_share(moves.share(), (had - count) / had)
        assert fleet.cut() == 0, "polls of pods that stay are cut"
        assert not crowd.failures, f"{len(crowd.failures)} failed: {crowd.failures[:5]}"
        print(f"{had} -> {count} pods: {moves.share():.2f} of the users moved, 0 failed, 0 polls cut")


async def grow(cluster, fleet, count):
    """New pods are ready and named in the slice; each has its first request within a second."""
    new = await fleet.start(count)
    publish(cluster, fleet)
    written = time.monotonic()
    while not any(pod.first_sync for pod in new):
        assert time.monotonic() - written < 10, "no request reaches the new pods"
        await asyncio.sleep(0.005)
    took = min(pod.first_sync for pod in new if pod.first_sync) - written
    print(f"from the slice's change to the first request on a new pod: {max(took, 0) * 1000:.0f} ms")
    assert took <= 1, f"{took:.2f} s"
    return new


async def shrink(cluster, fleet, count):
    """As a cluster does it: terminating, then, when what runs there has ended, gone."""
    gone = list(fleet.pods.values())[count:]
    publish(cluster, fleet, terminating=gone)
    limit = time.monotonic() + 30
    while any(pod.parked for pod in gone):
        assert time.monotonic() < limit, "pods that terminate get requests still"
        await asyncio.sleep(0.05)
    assert not any(pod.cut for pod in gone), "polls of pods that drain are cut"
    await fleet.stop(gone)
    publish(cluster, fleet)
    return gone


async def away(cluster, fleet, crowd, thalamus):
    """The API server is killed for a minute: the set stays, its age is told, and a dead pod is ejected all the same."""
    killed = time.monotonic()
    cluster.server.kill()
    await thalamus.until("the loss is told", "sync", lambda pool: "stale" in pool)
    dead = list(fleet.pods.values())[-1]
    checks = {pod.name: pod.checks for pod in fleet.pods.values()}
    await dead.stop()
    await thalamus.until("a dead pod is ejected", "sync", lambda pool: state(pool, dead.name) in ("ejected", "probing"))
    assert not crowd.failures, f"polls of a pod that dies are sent again: {crowd.failures[:5]}"
    before = await crowd.settle()
    await asyncio.sleep(max(0, killed + 60 - time.monotonic()))
    assert Moves(before, await crowd.settle()).moved == set(), "nobody moves while the API server is away"
    assert all(pod.checks > checks[pod.name] for pod in fleet.pods.values() if pod is not dead), "checks go on"
    age = await asyncio.to_thread(metric, STALE)
    assert 50 < age < 120, f"the metric says {age} s"
    await fleet.stop([dead])
    await cluster.start_server()
    publish(cluster, fleet)
    back = await thalamus.until(
        "the new set", "sync", lambda pool: names(pool) == set(fleet.pods) and "stale" not in pool)
    print(f"API server away for {age:.0f} s: nobody moved; {back * 1000:.0f} ms from its return to the new set")


def state(pool, name):
    return next((worker["state"] for worker in pool["workers"] if worker["name"] == name), "gone")


async def without_rights(cluster, fleet, thalamus):
    """Rights are looked at when a watch begins, so the API server is started again without them."""
    cluster.take_rights()
    cluster.server.kill()
    await cluster.start_server()
    await thalamus.until("forbidden is told", "sync", lambda pool: "forbidden" in pool.get("stale", {}).get("why", ""))
    assert names(await thalamus.pool("sync")) == set(fleet.pods), "the set stays"
    cluster.give_rights()
    back = await thalamus.until("all is well again", "sync", lambda pool: "stale" not in pool)
    print(f"rights taken and given back: the set stayed; {back:.1f} s until it was watched again")


async def many(cluster, crowd, thalamus):
    """1,000 endpoints in 10 slices."""
    def slice(number, ready=True):
        return [endpoint(f"big-{number}-{index}", f"10.66.{number + 1}.{index + 1}", ready or index > 0)
                for index in range(100)]
    answered = crowd.answered
    for number in range(10):
        cluster.put_slice("big", number, slice(number))
    cluster.create_service("big")
    took = await thalamus.until("1,000 workers", "big", lambda pool: len(pool["workers"]) == 1000)
    print(f"1,000 endpoints in 10 slices: all known {took:.2f} s after the Service")
    await asyncio.to_thread(cluster.put_slice, "big", 3, slice(3, ready=False))
    took = await thalamus.until("999 workers", "big", lambda pool: len(names(pool)) == 999)
    print(f"one of 1,000 goes: known {took * 1000:.0f} ms later")
    await crowd.settle()
    assert crowd.answered > answered and not crowd.failures, crowd.failures[:5]


async def from_snapshot(cluster, fleet, thalamus):
    """A start while the API server is away: the kept set serves at once, and the real one when it is back."""
    await thalamus.process.stop()
    cluster.server.kill()
    await thalamus.start()
    pool = await thalamus.pool("sync")
    assert names(pool) == set(fleet.pods) and "stale" in pool, pool
    await cluster.start_server()
    await thalamus.until("the real set", "sync", lambda pool: "stale" not in pool)
    print("started from the snapshot while the API server was away")
