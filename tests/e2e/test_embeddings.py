"""/v1/embeddings against real clusters: the official client, raw bytes, other loads beside, refusals."""
import base64
import json
import math
import struct
import threading

import openai
import pytest

from cluster import eventually

MODEL = "troupe-tiny"
TEXTS = [
    "It was a dark evening and the sea",
    "The captain was an old man. " * 20,
    "a",
    "Once upon a time there was a small ship that sailed around the whole world",
    "The cat",
]


@pytest.fixture(scope="module")
def hidden(root) -> int:
    return json.loads((root / "models" / MODEL / "config.json").read_text())["hidden_size"]


def embed(cluster, value, **fields) -> dict:
    answer = cluster.request("POST", "/v1/embeddings", {"model": MODEL, "input": value} | fields)
    assert answer.status == 200, answer
    return answer.json()


def numbers(cluster, value, **fields) -> list[list[float]]:
    """Embeddings as JSON numbers, in the order of the inputs."""
    data = embed(cluster, value, **fields)["data"]
    assert [one["index"] for one in data] == list(range(len(data)))
    return [one["embedding"] for one in data]


def f32(values: list[float]) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def length(values) -> float:
    return math.sqrt(sum(value * value for value in values))


def test_the_official_client_gets_embeddings(cluster, hidden):
    with openai.OpenAI(base_url=f"{cluster.url}/v1", api_key="none", max_retries=0, timeout=60) as client:
        whole = client.embeddings.create(model=MODEL, input=TEXTS)  # As base64, which it unpacks.
        plain = client.embeddings.create(model=MODEL, input=TEXTS, encoding_format="float", user="somebody")
    assert whole.object == "list" and whole.model == MODEL
    assert [one.object for one in whole.data] == ["embedding"] * len(TEXTS)
    assert [one.index for one in whole.data] == list(range(len(TEXTS)))
    assert whole.usage.prompt_tokens == whole.usage.total_tokens > len(TEXTS)
    for packed, written in zip(whole.data, plain.data):
        assert len(packed.embedding) == hidden
        assert f32(packed.embedding) == f32(written.embedding)
        assert abs(length(packed.embedding) - 1) < 1e-5
    closest = max(TEXTS[1:], key=lambda text: sum(a * b for a, b in zip(
        whole.data[0].embedding, whole.data[TEXTS.index(text)].embedding)))
    print(f"\nclosest to {TEXTS[0]!r}: {closest[:30]!r}")


def test_base64_is_the_little_endian_f32_of_the_numbers(cluster):
    plain = numbers(cluster, TEXTS)
    for one, values in zip(embed(cluster, TEXTS, encoding_format="base64")["data"], plain):
        assert base64.b64decode(one["embedding"], validate=True) == f32(values)


def test_several_inputs_are_each_embedded_as_if_alone(cluster, root):
    together = embed(cluster, TEXTS, encoding_format="base64")
    alone = [embed(cluster, text, encoding_format="base64") for text in TEXTS]
    assert [one["embedding"] for one in together["data"]] == [one["data"][0]["embedding"] for one in alone]
    assert together["usage"]["prompt_tokens"] == sum(one["usage"]["prompt_tokens"] for one in alone)
    again = embed(cluster, TEXTS, encoding_format="base64")
    assert again == together
    ids = [[5, 6, 7], [100, 200]]
    assert numbers(cluster, ids) == [numbers(cluster, ids[0])[0], numbers(cluster, ids[1])[0]]


def test_streams_and_embeddings_beside_each_other_change_neither(cluster):
    def complete() -> str:
        return cluster.complete(prompt=TEXTS[0], max_tokens=150, temperature=0.8, seed=4, ignore_eos=True)["choices"][0]["text"]

    expected_text, expected = complete(), embed(cluster, TEXTS * 4)
    got_texts, got = [], []
    threads = [threading.Thread(target=lambda: got_texts.append(complete())) for _ in range(6)]
    threads += [threading.Thread(target=lambda: got.append(embed(cluster, TEXTS * 4))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got_texts == [expected_text] * 6
    assert got == [expected] * 4


def test_fewer_dimensions_are_the_first_ones_of_length_one_again(cluster, hidden):
    (whole,) = numbers(cluster, TEXTS[0])
    for dimensions in (1, 8, hidden):
        (some,) = numbers(cluster, TEXTS[0], dimensions=dimensions)
        assert len(some) == dimensions
        assert abs(length(some) - 1) < 1e-5
        scale = length(whole[:dimensions])
        assert all(abs(a - b / scale) < 1e-5 for a, b in zip(some, whole))


def test_mean_and_last_are_two_poolings_and_ranks_change_no_bit(start_cluster):
    mean = start_cluster(groups=1, tensorParallel=1, pooling="mean", stepTokensMax=32)
    last = start_cluster(groups=1, tensorParallel=2, pooling="last", threadsPerRank=2)
    default = start_cluster(groups=1, tensorParallel=1)
    of_mean, of_last = numbers(mean, TEXTS), numbers(last, TEXTS)
    # The mean of a single token's rows is its last row.
    assert [a == b for a, b in zip(of_mean, of_last)] == [text == "a" for text in TEXTS]
    # The bundled model says nothing of pooling. The second time its long text is found in the prefix cache.
    assert numbers(default, TEXTS) == of_last
    assert numbers(default, TEXTS) == of_last
    assert numbers(mean, TEXTS) == of_mean
    # Leaders report ten times a second.
    eventually(lambda: default.metric_sum("troupe_group_prefix_cache_hit_tokens") > 0, 5, "a hit of the prefix cache")
    eventually(lambda: mean.metric_sum("troupe_group_prefilled_tokens") > 100, 5, "prompts")
    assert mean.metric_sum("troupe_group_prefix_cache_hit_tokens") == 0


@pytest.mark.parametrize("fields, param, code", [
    ({"input": ""}, "input", "invalid_value"),
    ({"input": []}, "input", "invalid_value"),
    ({"input": ["a", ""]}, "input[1]", "invalid_value"),
    ({"input": [["a"]]}, "input[0][0]", "invalid_value"),
    ({"input": {"text": "a"}}, "input", "invalid_value"),
    ({"input": [5] * 1025}, "input", "context_length_exceeded"),
    ({"input": ["a", "word " * 3000]}, "input[1]", "context_length_exceeded"),
    ({"input": ["a"] * 2049}, "input", "invalid_value"),
    ({"input": [[5] * 1000] * 301}, "input", "invalid_value"),
    ({"input": "a", "dimensions": 100000}, "dimensions", "invalid_value"),
    ({"input": "a", "dimensions": 0}, "dimensions", "invalid_value"),
    ({"input": "a", "encoding_format": "hex"}, "encoding_format", "invalid_value"),
    ({"input": "a", "truncate_prompt_tokens": 5}, "truncate_prompt_tokens", "unsupported_parameter"),
    ({"input": "a", "model": ""}, "model", "invalid_value"),
])
def test_what_is_wrong_is_a_400_that_names_it(cluster, fields, param, code):
    answer = cluster.request("POST", "/v1/embeddings", {"model": MODEL} | fields)
    assert answer.status == 400, answer
    error = answer.json()["error"]
    assert (error["param"], error["code"], error["type"]) == (param, code, "invalid_request_error"), error


def test_as_many_inputs_as_there_may_be(cluster):
    answer = embed(cluster, [[token % 500] for token in range(2048)], dimensions=4)
    assert len(answer["data"]) == 2048
    assert answer["usage"]["total_tokens"] == 2048
    assert answer["data"][700]["embedding"] == numbers(cluster, [[200]], dimensions=4)[0]


def test_the_route_is_counted_and_logged_under_its_name(cluster):
    answer = cluster.request("POST", "/v1/embeddings", {"model": MODEL, "input": "a"}, {"x-request-id": "embed-me"})
    assert answer.headers["x-request-id"] == "embed-me"
    assert cluster.metrics()['troupe_http_requests_total{route="embeddings",status="200"}'] >= 1
    assert cluster.request("GET", "/v1/embeddings").status == 405
    assert cluster.request("POST", "/v1/embeddings", {"model": "nobody", "input": "a"}).status == 404
