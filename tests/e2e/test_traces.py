"""Requests of a published trace, all at once: no error, nobody starves, pages come back."""
import json
import time

import pytest

from cluster import eventually
from streams import Stream, percentile

REQUESTS = 200
# The trace is of contexts of 128 Ki tokens, the bundled model has 1024: a block of 512 tokens becomes one of 8.
BLOCK, SCALED_BLOCK = 512, 8
OUTPUT_SCALE = 4
CONTEXT = 1024
WORDS = 2000  # Ids that the bundled model has.


def scaled(request: dict, number: int) -> dict:
    """A request of the trace as one of ours. Blocks with the same hash have the same ids, so prefixes are shared as there."""
    tokens = max(1, min(request["output_length"] // OUTPUT_SCALE, 100))
    length = max(1, min(request["input_length"] * SCALED_BLOCK // BLOCK, CONTEXT - tokens))
    ids = [6 + (block * SCALED_BLOCK + i) * 7919 % WORDS for block in request["hash_ids"] for i in range(SCALED_BLOCK)]
    return {"model": "default", "prompt": ids[:length] or [6], "max_tokens": tokens, "ignore_eos": True,
            "temperature": 0.8, "seed": number}


@pytest.fixture(scope="module")
def bodies(data) -> list[dict]:
    file = data / "traces" / "mooncake" / "synthetic_trace.jsonl"
    if not file.is_file():
        pytest.skip("no trace")
    # From the end: conversations have had earlier turns there.
    lines = file.read_text().splitlines()[-REQUESTS:]
    return [scaled(json.loads(line), number) for number, line in enumerate(lines)]


def test_two_hundred_at_once_end_without_error_and_nobody_starves(start_cluster, bodies):
    cluster = start_cluster(groups=1, tensorParallel=2, kvPositions=4096, speculation="ngram")
    begin = time.monotonic()
    streams = [Stream(cluster.address, body) for body in bodies]
    for stream in streams:
        stream.start()
    for stream in streams:
        stream.join()
    took = time.monotonic() - begin
    assert [stream.error for stream in streams if stream.error] == []
    assert {stream.finish for stream in streams} == {"length"}
    # Every page is free or kept for the next ones; no group had to be replaced.
    eventually(lambda: cluster.metric_sum("troupe_group_kv_pages_used") == 0, 10, "every page back")
    assert [group.restarts for group in cluster.groups().values()] == [0]
    metrics = cluster.metrics()
    group = '{group="troupe-tiny/0"}'
    queried = metrics["troupe_group_prefix_cache_queried_tokens" + group]
    hit = metrics["troupe_group_prefix_cache_hit_tokens" + group]
    waits = [stream.times[0] - begin for stream in streams]
    print(f"\nfigures: {REQUESTS} requests of a trace at once, {sum(len(body['prompt']) for body in bodies)} prompt tokens,"
          f" {sum(body['max_tokens'] for body in bodies)} to generate: {took:.1f} s;"
          f" first token after p50 {percentile(waits, 0.5):.2f} s, p99 {percentile(waits, 0.99):.2f} s")
    print(f"figures: wait for a place in the batch p99"
          f" {metrics['troupe_group_queue_seconds' + group[:-1] + ',quantile=' + chr(34) + '0.99' + chr(34) + '}']:.2f} s;"
          f" prefix cache {hit / queried:.0%} of {queried:.0f} tokens,"
          f" {metrics['troupe_group_preemptions' + group]:.0f} preemptions,"
          f" {metrics['troupe_group_accepted_tokens' + group]:.0f} of"
          f" {metrics['troupe_group_drafted_tokens' + group]:.0f} guesses right")
    assert hit > 0

    # Alone, some of them say the same.
    for body, together in list(zip(bodies, streams))[::20]:
        alone = Stream(cluster.address, body)
        alone.run()
        assert (alone.error, alone.text) == (None, together.text)
