"""SIGKILL in mid-answer: no client sees more of it than a pause."""
import time

from chaos_support import REDUNDANCY_S, AtToken, await_redundancy, chaos_random, gaps_line, texts
from cluster import eventually
from processes import kill
from streams import percentile, run_streams, seeded_stories

STREAMS = 50
TOKENS = 120
ROUNDS = 5


def test_every_stream_survives_the_kill_of_a_rank(start_cluster):
    choose = chaos_random()
    cluster = start_cluster(groups=2, tensorParallel=2)
    bodies = seeded_stories(STREAMS, TOKENS)
    undisturbed = run_streams(cluster.address, bodies)
    expected = texts(undisturbed)
    tokens = sum(len(stream.times) for stream in undisturbed)
    print(f"undisturbed: {tokens} tokens, {gaps_line(undisturbed)}")
    all_gaps = []
    for _ in range(ROUNDS):
        rank = choose.choice(cluster.ranks())
        at = AtToken(choose.randrange(1, tokens), lambda rank=rank: kill(rank.pid))
        streams = run_streams(cluster.address, bodies, at)
        assert texts(streams) == expected
        while not at.reached():
            # A slow client gets several tokens in one event, so there were fewer of them.
            at = AtToken(at.number // 2, at.then)
            streams = run_streams(cluster.address, bodies, at)
            assert texts(streams) == expected
        took = await_redundancy(cluster)
        group = cluster.groups()[rank.group]
        assert group.generation > rank.generation
        print(f"{rank.name} killed at token {at.number}: {gaps_line(streams)}; redundant {took:.2f} s after the end")
        all_gaps += [1000 * stream.gap() for stream in streams]
    print(f"figures: {STREAMS} streams, {ROUNDS} kills: 0 differ, 0 errors; gap ms p50 {percentile(all_gaps, 0.5):.0f}"
          f" p99 {percentile(all_gaps, 0.99):.0f} max {max(all_gaps):.0f}")
    assert sum(group.restarts for group in cluster.groups().values()) == ROUNDS


def test_a_killed_gateway_comes_back_and_adopts_its_ranks(start_cluster):
    cluster = start_cluster(groups=2, tensorParallel=2)
    bodies = seeded_stories(8, 500)
    expected = texts(run_streams(cluster.address, bodies))
    before = {rank.name: rank for rank in cluster.ranks()}
    gateway = next(process for process in cluster.processes() if process.name == "gateway-0")
    begin = []

    def end_gateway() -> None:
        begin.append(time.monotonic())
        kill(gateway.pid)

    streams = run_streams(cluster.address, bodies, AtToken(40, end_gateway))
    # A client that reads slowly may have had all of its answer in its socket already.
    for stream, text in zip(streams, expected):
        assert stream.error or stream.text == text, "a client must learn that its answer broke off"
        assert text.startswith(stream.text)
    assert any(stream.error for stream in streams)
    eventually(lambda: answers(cluster), REDUNDANCY_S, "ready again")
    print(f"\nfigures: a killed gateway answers again after {time.monotonic() - begin[0]:.2f} s")
    assert {rank.name: rank for rank in cluster.ranks()} == before
    assert {group.generation for group in cluster.groups().values()} == {1}
    assert texts(run_streams(cluster.address, bodies)) == expected


def answers(cluster) -> bool:
    try:
        return cluster.get("/ready").status == 200 and cluster.is_ready()
    except OSError:
        return False
