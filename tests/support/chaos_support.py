"""What the chaos tests share: chance that can be had again, and the moment of a token."""
import os
import random
import threading
import time
from collections.abc import Callable

from cluster import Cluster, eventually
from streams import Stream, percentile

REDUNDANCY_S = 20.0


def chaos_random() -> random.Random:
    """Other choices in every run; printed, so that they can be had again with the same TROUPE_CHAOS_SEED."""
    seed = int(os.environ.get("TROUPE_CHAOS_SEED", time.time_ns() % 1_000_000))
    print(f"\nTROUPE_CHAOS_SEED={seed}")
    return random.Random(seed)


class AtToken:
    """Calls something once, from the stream that receives the n-th event with a token of all streams."""

    def __init__(self, number: int, then: Callable[[], None]):
        self.number, self.then = number, then
        self.lock = threading.Lock()
        self.count = 0

    def __call__(self) -> None:
        with self.lock:
            self.count += 1
            if self.count == self.number:
                self.then()

    def reached(self) -> bool:
        return self.count >= self.number


def texts(streams: list[Stream]) -> list[str]:
    """Asserts that all ended well."""
    assert [stream.error for stream in streams if stream.error] == []
    return [stream.text for stream in streams]


def gaps_line(streams: list[Stream]) -> str:
    """The longest silence of each stream."""
    gaps = [1000 * stream.gap() for stream in streams]
    return f"gap ms p50 {percentile(gaps, 0.5):.0f} p99 {percentile(gaps, 0.99):.0f} max {max(gaps):.0f}"


def answers(cluster: Cluster) -> bool:
    """Whether there is a gateway, and all groups are ready."""
    try:
        return cluster.is_ready()
    except OSError:
        return False


def await_redundancy(cluster: Cluster) -> float:
    """Returns the seconds until every group is ready."""
    begin = time.monotonic()
    eventually(cluster.is_ready, REDUNDANCY_S, "all groups ready")
    return time.monotonic() - begin
