"""Requests with an Idempotency-Key against real processes: made once, given to all who ask, gone on with after a death."""
import threading

from chaos_support import AtToken, answers
from cluster import eventually
from processes import kill
from streams import Stream

TOKENS = 200
# No seed: the answer is chance, and the key's.
STORY = {"model": "default", "prompt": "Once upon a time", "max_tokens": TOKENS, "temperature": 1.0, "ignore_eos": True}


def keyed(cluster, key: str, last_id: str | None = None, body: dict = STORY, on_token=lambda: None) -> Stream:
    headers = {"Idempotency-Key": key} | ({"Last-Event-ID": last_id} if last_id else {})
    stream = Stream(cluster.address, body, on_token, headers)
    stream.start()
    return stream


def ended(stream: Stream) -> Stream:
    stream.join()
    assert stream.error is None
    return stream


def generated(cluster) -> float:
    return cluster.metric_sum("troupe_completion_tokens_total")


def test_who_asks_with_the_same_key_gets_the_same_answer(cluster):
    before = generated(cluster)
    at_once = [keyed(cluster, "same-for-all") for _ in range(3)]
    texts = [ended(stream).text for stream in at_once]
    texts.append(ended(keyed(cluster, "same-for-all")).text)
    assert len(set(texts)) == 1 and texts[0]
    assert generated(cluster) - before == TOKENS
    assert ended(keyed(cluster, "another")).text != texts[0]


def test_an_answer_that_is_not_streamed_is_the_same_bytes(cluster):
    def ask():
        return cluster.request("POST", "/v1/completions", STORY, {"Idempotency-Key": "bytes"})

    answers = []
    threads = [threading.Thread(target=lambda: answers.append(ask())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers.append(ask())
    assert [answer.status for answer in answers] == [200] * 3
    assert len({answer.body for answer in answers}) == 1


def test_a_key_cannot_be_used_for_two_requests(cluster):
    ended(keyed(cluster, "one-request"))
    answer = cluster.request("POST", "/v1/completions", STORY | {"max_tokens": 3}, {"Idempotency-Key": "one-request"})
    assert answer.status == 422
    assert answer.json()["error"]["code"] == "key_reused"


def test_headers_that_cannot_be_are_refused(cluster):
    for headers in [{"Idempotency-Key": ""}, {"Idempotency-Key": "k" * 256}, {"Idempotency-Key": "a b"},
                    {"Last-Event-ID": "1;-"}, {"Idempotency-Key": "k", "Last-Event-ID": "no"}]:
        answer = cluster.request("POST", "/v1/completions", STORY | {"stream": True}, headers)
        assert answer.status == 400, headers
        assert "Idempotency-Key" in answer.json()["error"]["message"] or "Last-Event-ID" in answer.json()["error"]["message"]


def test_a_client_that_comes_back_misses_nothing(cluster):
    left = keyed(cluster, "comes-back", on_token=lambda: left.leave.set() if len(left.times) >= 30 else None)
    left.join()
    assert left.error == "left" and left.last_id
    rest = ended(keyed(cluster, "comes-back", left.last_id))
    whole = ended(keyed(cluster, "comes-back"))
    assert left.text + rest.text == whole.text


def test_a_stream_goes_on_after_each_death_of_its_gateway(start_cluster):
    cluster = start_cluster(groups=1)
    text, last_id, deaths, finishes = "", None, 0, 0
    while True:
        at_token = AtToken(40, lambda: kill_gateway(cluster)) if deaths < 3 else (lambda: None)
        stream = keyed(cluster, "survives", last_id, on_token=at_token)
        stream.join()
        text += stream.text
        finishes += stream.finish is not None
        if stream.error is None:
            break
        assert stream.last_id or last_id, stream.error
        last_id = stream.last_id or last_id
        deaths += 1
        eventually(lambda: answers(cluster), 20, "a new gateway at the same address")
    assert deaths == 3 and finishes == 1
    assert ended(keyed(cluster, "survives")).text == text


def kill_gateway(cluster) -> None:
    kill(next(process.pid for process in cluster.processes() if process.name == "gateway-0"))
