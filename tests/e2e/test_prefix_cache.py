"""The prefix cache as a client sees it: the same answer, and what of the prompt was there already."""
from cluster import eventually

PROMPT = "Once upon a time there was a small ship that sailed around the whole world, and its captain was an old man. " * 3


def usage_and_text(cluster, **fields) -> tuple[dict, str]:
    answer = cluster.complete(prompt=PROMPT, max_tokens=20, temperature=0.8, seed=5, **fields)
    return answer["usage"], answer["choices"][0]["text"]


def test_a_prompt_that_was_said_before_is_found_and_changes_nothing(start_cluster):
    cluster = start_cluster(groups=1, tensorParallel=2)
    first, text = usage_and_text(cluster)
    assert first["prompt_tokens_details"] == {"cached_tokens": 0}
    again, same = usage_and_text(cluster)
    cached = again["prompt_tokens_details"]["cached_tokens"]
    assert cached == (first["prompt_tokens"] - 1) // 16 * 16 > 0
    assert same == text
    # Who says other words of the cache shares nothing.
    for fields in ({"cache_salt": "mine"}, {"prompt_cache_key": "mine"}):
        other, same = usage_and_text(cluster, **fields)
        assert other["prompt_tokens_details"] == {"cached_tokens": 0}
        assert same == text
        other, _ = usage_and_text(cluster, **fields)
        assert other["prompt_tokens_details"] == {"cached_tokens": cached}


def test_without_the_cache_nothing_is_found(start_cluster):
    cluster = start_cluster(groups=1, tensorParallel=1, prefixCache=False)
    answers = [usage_and_text(cluster) for _ in range(2)]
    assert [usage["prompt_tokens_details"]["cached_tokens"] for usage, _ in answers] == [0, 0]
    assert answers[0][1] == answers[1][1]
    assert cluster.metric_sum("troupe_group_kv_pages_cached") == 0


def test_speculation_changes_nothing_but_the_number_of_steps(start_cluster):
    body = {"prompt": "a b c d e f g " * 12, "max_tokens": 80, "temperature": 0, "ignore_eos": True, "logprobs": 2}
    plain = start_cluster(groups=1, tensorParallel=1)
    guessing = start_cluster(groups=1, tensorParallel=1, speculation="ngram")
    assert plain.complete(**body)["choices"] == guessing.complete(**body)["choices"]
    eventually(lambda: guessing.metric_sum("troupe_group_accepted_tokens") > 0, 5, "a guess that was right")
    steps = [lambda one=one: one.metric_sum("troupe_group_steps") for one in (guessing, plain)]
    eventually(lambda: steps[1]() == 80, 5, "a step for each token")
    assert steps[0]() < 80
    assert plain.metric_sum("troupe_group_drafted_tokens") == 0
