"""SIGSTOP: a rank that hangs is fenced and replaced; when it wakes up, it is a zombie to whom nobody listens."""
import signal
import threading
import time

import pytest

from chaos_support import await_redundancy, chaos_random, gaps_line, texts
from cluster import eventually
from processes import send, state
from streams import Stream, run_streams, seeded_stories

STOPPED_S = 20.0


class Clients(threading.Thread):
    """Streams again and again until told to end; every text must be the one that was undisturbed."""

    def __init__(self, cluster, bodies: list[dict]):
        super().__init__(daemon=True)
        self.cluster, self.bodies = cluster, bodies
        self.expected = texts(run_streams(cluster.address, bodies))
        self.enough = threading.Event()
        self.rounds: list[list[Stream]] = []

    def run(self) -> None:
        while not self.enough.is_set():
            self.rounds.append(run_streams(self.cluster.address, self.bodies))

    def end(self) -> list[Stream]:
        """Asserts that all went well."""
        self.enough.set()
        self.join()
        for streams in self.rounds:
            assert texts(streams) == self.expected
        return [stream for streams in self.rounds for stream in streams]


def stop_a_rank(cluster, choose):
    """Under load. Returns the rank once its group has a new generation that is ready."""
    rank = choose.choice(cluster.ranks())
    send(rank.pid, signal.SIGSTOP)
    begin = time.monotonic()
    eventually(lambda: cluster.groups()[rank.group].generation > rank.generation, 10, f"{rank.group} is fenced")
    fenced = time.monotonic() - begin
    await_redundancy(cluster)
    print(f"figures: {rank.name} stopped: its group fenced after {fenced:.2f} s, all ready after {time.monotonic() - begin:.2f} s")
    return rank, begin


def test_a_stopped_rank_is_replaced_and_ignored_when_it_wakes_up(start_cluster):
    choose = chaos_random()
    # So long that the zombie really lives, and wakes up.
    cluster = start_cluster(groups=2, tensorParallel=2, sections={"supervision": {"fencedKillDelayMs": 30000}})
    clients = Clients(cluster, seeded_stories(8, 200))
    clients.start()
    rank, begin = stop_a_rank(cluster, choose)
    time.sleep(max(0.0, begin + STOPPED_S - time.monotonic()))  # Meanwhile the clients go on.
    assert state(rank.pid) == "T", "the zombie must live until it is woken"
    refused = cluster.metrics()['troupe_frames_refused_total{reason="generation"}']
    send(rank.pid, signal.SIGCONT)
    woken = time.monotonic()
    eventually(lambda: not rank.lives(), 20, "the zombie ends")
    ended = time.monotonic() - woken
    now_refused = cluster.metrics()['troupe_frames_refused_total{reason="generation"}']
    streams = clients.end()
    print(f"figures: awake after {woken - begin:.1f} s, ended {ended:.2f} s later; {now_refused - refused:.0f} frames of it refused;"
          f" {len(streams)} streams without a difference, {gaps_line(streams)}")
    for event in cluster.events(rank.name)[-5:]:
        print(event)
    assert all(other.generation > rank.generation for other in cluster.ranks() if other.group == rank.group)
    assert cluster.is_ready()


def test_a_stopped_rank_is_killed_at_once_by_default(start_cluster):
    choose = chaos_random()
    cluster = start_cluster(groups=2, tensorParallel=2)
    clients = Clients(cluster, seeded_stories(8, 200))
    clients.start()
    rank, begin = stop_a_rank(cluster, choose)
    eventually(lambda: not rank.lives(), 5, "killed, though stopped")
    print(f"gone {time.monotonic() - begin:.2f} s after it was stopped")
    streams = clients.end()
    print(f"{len(streams)} streams without a difference, {gaps_line(streams)}")
