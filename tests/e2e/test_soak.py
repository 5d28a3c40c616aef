"""Many clients for a while: no error, and no process that grows. TROUPE_SOAK_SECONDS says how long a while is."""
import os
import random
import threading
import time

from cluster import eventually
from processes import resident_bytes
from streams import Stream

CLIENTS = 16
WARM_UP_S = 5.0
WARM_UP_MAX_S = 65.0
SECONDS = float(os.environ.get("TROUPE_SOAK_SECONDS", "60"))


class Client(threading.Thread):
    """One request after the other, of every kind."""

    def __init__(self, cluster, number: int, until: list[float]):
        super().__init__(daemon=True)
        self.cluster, self.until = cluster, until
        self.choose = random.Random(number)
        self.requests = self.tokens = 0
        self.errors: list[str] = []

    def run(self) -> None:
        while time.monotonic() < self.until[0] and not self.errors:
            try:
                self.one()
            except Exception as unexpected:  # pylint: disable=broad-except
                self.errors.append(repr(unexpected))
            self.requests += 1

    def one(self) -> None:
        body = {
            "model": "default",
            "max_tokens": self.choose.randrange(1, 150),
            "temperature": self.choose.choice([0, 0.8, 1]),
            "seed": self.choose.randrange(1 << 40),
        }
        words = " ".join(self.choose.choices(["the", "sea", "night", "a", "ship", "and", "old"], k=self.choose.randrange(1, 80)))
        chat = self.choose.random() < 0.5
        if chat:
            body |= {"messages": [{"role": "user", "content": words}]}
        else:
            body |= {"prompt": words}
        if self.choose.random() < 0.3:
            path = "/v1/chat/completions" if chat else "/v1/completions"
            answer = self.cluster.request("POST", path, body)
            if answer.status != 200:
                self.errors.append(f"HTTP {answer.status}: {answer.body[:200]}")
            else:
                self.tokens += answer.json()["usage"]["completion_tokens"]
            return
        stream = Stream(self.cluster.address, body)
        leaves = self.choose.random() < 0.1
        if leaves:
            stream.on_token = stream.leave.set
        stream.run()
        self.tokens += len(stream.times)
        if stream.error and not (leaves and stream.error == "left"):
            self.errors.append(stream.error)


def memory(cluster) -> dict[str, tuple[int, int]]:
    """By process: its id and its resident bytes."""
    found = {process.name: (process.pid, resident_bytes(process.pid)) for process in cluster.processes()}
    found["host-0"] = (cluster.up.pid, resident_bytes(cluster.up.pid))
    return found


def every_page_was_used(cluster) -> bool:
    """Whether each group has had to give a cached page away: from then on its ranks touch no new memory for pages."""
    lines = cluster.request("GET", "/metrics").body.decode().splitlines()
    evicted = [float(line.split()[-1]) for line in lines if line.startswith("troupe_group_prefix_cache_evicted_pages{")]
    return len(evicted) == 2 and min(evicted) > 0


def test_no_error_and_no_growth(start_cluster):
    cluster = start_cluster(groups=2, tensorParallel=2, kvPositions=4096)
    until = [time.monotonic() + WARM_UP_MAX_S + SECONDS]
    clients = [Client(cluster, number, until) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    time.sleep(WARM_UP_S)
    eventually(lambda: every_page_was_used(cluster), WARM_UP_MAX_S - WARM_UP_S, "every page in use")
    before = memory(cluster)
    until[0] = time.monotonic() + SECONDS
    for client in clients:
        client.join()
    after = memory(cluster)
    print(f"\nfigures: {CLIENTS} clients, {SECONDS:.0f} s after warming up:"
          f" {sum(client.requests for client in clients)} requests, {sum(client.tokens for client in clients)} tokens")
    for name, (pid, bytes_after) in sorted(after.items()):
        print(f"figures: {name:20} {before[name][1] / 2**20:8.2f} MiB -> {bytes_after / 2**20:8.2f} MiB")
    assert [error for client in clients for error in client.errors] == []
    for name, (pid, bytes_after) in after.items():
        assert pid == before[name][0], f"{name} has been replaced"
        assert bytes_after < before[name][1] * 1.1 + 2 * 2**20, name
