"""What the suites ask of a change of pods under load."""
from pods import Pod


class Moves:
    """Users with their places before and after a change."""

    def __init__(self, before, after):
        self.before, self.after = before, after
        self.moved = {user for user in before if before[user] != after[user]}

    def only_to(self, new):
        """Rendezvous hashing: a pod that comes takes users, and nobody moves between those that stay."""
        wrong = {user: (self.before[user], self.after[user]) for user in self.moved if self.after[user] not in new}
        assert not wrong, f"moved between pods that stay: {wrong}"

    def only_from(self, gone):
        """A pod that goes gives its users away, and nobody else moves."""
        wrong = {user: (self.before[user], self.after[user]) for user in self.moved if self.before[user] not in gone}
        assert not wrong, f"moved though their pod stays: {wrong}"
        left = {user for user in self.after if self.after[user] in gone}
        assert not left, f"still at pods that are gone: {left}"

    def share(self):
        return len(self.moved) / len(self.before)


def expect_share(share, expected):
    """Within what 500 users let one expect: four standard deviations are under 0.09."""
    assert abs(share - expected) < 0.09, f"{share:.3f} of the users moved, {expected:.3f} were to be expected"


class Fleet:
    """The pods that run, by name."""

    def __init__(self):
        self.pods, self.next = {}, 1

    async def start(self, count):
        started = []
        for _ in range(count):
            number = self.next
            self.next += 1
            pod = await Pod(f"sync-{number:02}", f"10.66.0.{number}").start()
            self.pods[pod.name] = pod
            started.append(pod)
        return started

    async def stop(self, pods):
        for pod in pods:
            del self.pods[pod.name]
            await pod.stop()

    def cut(self):
        return sum(pod.cut for pod in self.pods.values())
