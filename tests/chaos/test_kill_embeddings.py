"""SIGKILL among embeddings: no call fails, and no byte of an answer is another."""
import concurrent.futures
import itertools

from chaos_support import await_redundancy, chaos_random
from processes import kill

CLIENTS = 8
CALLS = 4
INPUTS = 40
ROUNDS = 3
ROUNDS_MAX = 12


def call_for(number: int) -> dict:
    """Inputs of one token and of many."""
    inputs = [[(number * 7919 + i * 31 + k * k) % 2000 for k in range(1 + (number * 13 + i * 37) % 200)]
              for i in range(INPUTS)]
    return {"model": "default", "input": inputs, "encoding_format": "base64"}


def test_embeddings_survive_the_kill_of_a_rank(start_cluster):
    choose = chaos_random()
    cluster = start_cluster(groups=2, tensorParallel=2, pooling="mean")
    calls = [call_for(number) for number in range(CLIENTS * CALLS)]

    def answers(at: int | None = None, rank=None) -> list[bytes]:
        """All calls, some at a time; `rank` is killed when the call `at` has been answered."""
        count = itertools.count(1)

        def one(body: dict) -> bytes:
            answer = cluster.request("POST", "/v1/embeddings", body)
            if next(count) == at:
                kill(rank.pid)
            assert answer.status == 200, answer.body
            return answer.body

        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            return list(pool.map(one, calls))

    expected = answers()
    done = 0
    for _ in range(ROUNDS_MAX):
        moved = cluster.metric_sum("troupe_failover_resume_seconds_count")
        rank = choose.choice(cluster.ranks())
        at = choose.randrange(1, len(calls) - CLIENTS)
        assert answers(at, rank) == expected
        took = await_redundancy(cluster)
        assert cluster.groups()[rank.group].generation > rank.generation
        moved = int(cluster.metric_sum("troupe_failover_resume_seconds_count") - moved)
        print(f"{rank.name} killed after answer {at}: {moved} embeddings moved; redundant {took:.2f} s after the end")
        # It may have had nothing to do just then.
        done += moved > 0
        if done == ROUNDS:
            break
    assert done == ROUNDS
    print(f"figures: {len(calls)} calls of {INPUTS} embeddings, {ROUNDS} kills among them: 0 differ, 0 errors")
