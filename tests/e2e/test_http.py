"""HTTP against real processes: what a client meets that is not OpenAI's: raw connections, bad input, draining."""
import gzip
import json
import re
import signal
import socket
import time

import pytest

from cluster import Cluster, eventually
from streams import Stream, run_streams, seeded_stories


def raw(cluster: Cluster, sent: bytes, timeout_s: float = 20) -> bytes:
    """Sends bytes as they are; returns all that comes until the server closes."""
    received = b""
    with socket.create_connection(cluster.address, timeout_s) as connection:
        try:
            connection.sendall(sent)
        except (BrokenPipeError, ConnectionResetError):
            pass  # It may refuse before it has read everything.
        while True:
            try:
                piece = connection.recv(65536)
            except ConnectionResetError:
                break
            if not piece:
                break
            received += piece
    return received


def post(body: bytes, path: str = "/v1/completions", more: str = "") -> bytes:
    return (f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{more}"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n").encode() + body


def assert_error(answer: bytes, status: int, named: str = "") -> dict:
    """One response with OpenAI's error object."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert re.match(rb"HTTP/1\.1 %d " % status, head), answer[:500]
    error = json.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"}, error
    assert error["message"] and error["type"], error
    assert named in error["message"] or named == error["param"], error
    return error


def test_probes_say_how_it_is(cluster):
    for path, expected in [("/live", {"status": "live"}), ("/ready", {"status": "ready"})]:
        answer = cluster.get(path)
        assert (answer.status, answer.json()) == (200, expected)
        assert answer.headers["content-type"] == "application/json"
    assert cluster.get("/health").json() == {"status": "ready", "ready": True, "draining": False, "detail": ""}


def test_metrics_count_what_happens(cluster):
    before = cluster.metrics()
    answer = cluster.complete(prompt="Once", max_tokens=20, ignore_eos=True)
    after = eventually(
        lambda: (now := cluster.metrics())['troupe_requests_total{outcome="ok"}'] > before['troupe_requests_total{outcome="ok"}']
        and now, 5, "the request is counted")

    def grew(name: str) -> float:
        return after[name] - before.get(name, 0)

    assert grew('troupe_requests_total{outcome="ok"}') == 1
    assert grew("troupe_prompt_tokens_total") == answer["usage"]["prompt_tokens"]
    assert grew("troupe_completion_tokens_total") == 20
    assert grew("troupe_time_per_output_token_seconds_count") == 19
    assert grew('troupe_time_to_first_token_seconds_count{route="completions"}') == 1
    assert grew('troupe_http_requests_total{route="completions",status="200"}') == 1
    for number in range(2):
        assert after[f'troupe_group_ready{{group="troupe-tiny/{number}"}}'] == 1
        assert after[f'troupe_group_kv_pages{{group="troupe-tiny/{number}"}}'] > 0
    # Text of the exposition format: each family has its help and type, once.
    text = cluster.get("/metrics").body.decode()
    types = re.findall(r"^# TYPE (\S+) (counter|gauge|histogram)$", text, re.MULTILINE)
    assert len(types) == len({name for name, _ in types}) >= 20
    assert len(re.findall(r"^# HELP \S+ .+$", text, re.MULTILINE)) == len(types)


def test_every_answer_has_a_request_id(cluster):
    assert cluster.request("GET", "/live", headers={"x-request-id": "my-own_id.7"}).headers["x-request-id"] == "my-own_id.7"
    ids = {cluster.get("/live").headers["x-request-id"] for _ in range(3)}
    ids.add(cluster.get("/no/such/route").headers["x-request-id"])
    assert len(ids) == 4
    answer = cluster.request("POST", "/v1/completions", {"model": "default", "prompt": "x"}, {"x-request-id": "find-me-1"})
    assert answer.headers["x-request-id"] == "find-me-1"
    logged = eventually(lambda: [event for event in cluster.events("gateway-0") if "find-me-1" in str(event)], 5, "logged")
    print(f"\n{logged}")


def test_answers_are_compressed_when_asked(cluster):
    body = {"model": "default", "prompt": "Once", "max_tokens": 450, "temperature": 0, "ignore_eos": True}
    plain = cluster.request("POST", "/v1/completions", body)
    packed = cluster.request("POST", "/v1/completions", body, {"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers and packed.headers["content-encoding"] == "gzip"
    unpacked = json.loads(gzip.decompress(packed.body))
    assert unpacked["choices"] == plain.json()["choices"]
    print(f"\n{len(plain.body)} bytes, {len(packed.body)} of gzip")
    assert len(packed.body) < len(plain.body)
    metrics = cluster.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
    assert b"troupe_requests_total" in gzip.decompress(metrics.body)
    assert "content-encoding" not in cluster.request("GET", "/metrics", headers={"Accept-Encoding": "gzip;q=0"}).headers


def test_a_connection_is_kept_and_pipelined(cluster):
    body = json.dumps({"model": "default", "prompt": "Once", "max_tokens": 5, "temperature": 0}).encode()
    one = f"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    get = b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /v1/models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answers = raw(cluster, get + one.encode() + body + get + last)
    assert answers.count(b"HTTP/1.1 200 OK\r\n") == 4
    order = [answers.index(b'{"status":"live"}'), answers.index(b'"text_completion"'),
             answers.rindex(b'{"status":"live"}'), answers.index(b'"object":"list"')]
    assert order == sorted(order)


BAD_BODIES = {
    "no JSON": (b"{", 400, ""),
    "nothing": (b"", 400, ""),
    "an array": (b"[]", 400, "object"),
    "trailing text": (b'{"model":"default","prompt":"x"} x', 400, ""),
    "deep": (b'{"model":' + b"[" * 5000 + b"]" * 5000 + b"}", 400, ""),
    "invalid UTF-8": (b'{"model":"default","prompt":"\xff\xfe"}', 400, "UTF-8"),
    "half a surrogate": (rb'{"model":"default","prompt":"\ud800"}', 400, ""),
    "the same key twice": (b'{"model":"default","prompt":"a","prompt":"b"}', 400, "prompt"),
    "no model": (b'{"prompt":"x"}', 400, "model"),
    "unknown model": (b'{"model":"gpt-9","prompt":"x"}', 404, "gpt-9"),
    "model of another type": (b'{"model":7,"prompt":"x"}', 400, "model"),
    "no prompt": (b'{"model":"default"}', 400, "prompt"),
    "prompt of another type": (b'{"model":"default","prompt":{"a":1}}', 400, "prompt"),
    "ids out of range": (b'{"model":"default","prompt":[1,99999999]}', 400, "prompt[1]"),
    "negative id": (b'{"model":"default","prompt":[-1]}', 400, "prompt[0]"),
    "temperature as text": (b'{"model":"default","prompt":"x","temperature":"hot"}', 400, "temperature"),
    "a number beyond floats": (b'{"model":"default","prompt":"x","temperature":1e999}', 400, ""),
    "max_tokens not whole": (b'{"model":"default","prompt":"x","max_tokens":1.5}', 400, "max_tokens"),
    "max_tokens too large": (b'{"model":"default","prompt":"x","max_tokens":1024}', 400, "max_tokens"),
    "max_tokens beyond integers": (b'{"model":"default","prompt":"x","max_tokens":99999999999999999999}', 400, "max_tokens"),
    "prompt too long": (b'{"model":"default","prompt":"' + b"word " * 5000 + b'"}', 400, "context"),
    "stream of another type": (b'{"model":"default","prompt":"x","stream":"yes"}', 400, "stream"),
    "too many answers": (b'{"model":"default","prompt":"x","n":1000000}', 400, "n"),
    "what we do not have": (b'{"model":"default","prompt":"x","guided_regex":"(a+)+$"}', 400, "guided_regex"),
}


@pytest.mark.parametrize("case", BAD_BODIES)
def test_a_bad_body_is_refused_by_name(cluster, case):
    body, status, named = BAD_BODIES[case]
    assert_error(raw(cluster, post(body)), status, named)


BAD_MESSAGES = {
    "no messages": ("{}", "messages"),
    "empty messages": ('{"messages":[]}', "messages"),
    "messages of another type": ('{"messages":"hello"}', "messages"),
    "a message of another type": ('{"messages":["hello"]}', "messages[0]"),
    "no role": ('{"messages":[{"content":"x"}]}', "messages[0].role"),
    "unknown role": ('{"messages":[{"role":"wizard","content":"x"}]}', "messages[0].role"),
    "no content": ('{"messages":[{"role":"user"}]}', "messages[0].content"),
    "content of another type": ('{"messages":[{"role":"user","content":7}]}', "messages[0].content"),
    "an image": ('{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://x/"}}]}]}',
                 "messages[0].content"),
    "tools": ('{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function"}]}', "tools"),
    "top_logprobs alone": ('{"messages":[{"role":"user","content":"x"}],"top_logprobs":2}', "top_logprobs"),
}


@pytest.mark.parametrize("case", BAD_MESSAGES)
def test_bad_messages_are_refused_by_name(cluster, case):
    text, named = BAD_MESSAGES[case]
    body = json.dumps({"model": "default"} | json.loads(text)).encode()
    error = assert_error(raw(cluster, post(body, "/v1/chat/completions")), 400)
    assert named in error["message"] or (error["param"] or "").startswith(named), error


def test_bad_requests_are_refused_and_the_cluster_goes_on(cluster):
    ten_megabytes = post(b'{"model":"default","prompt":"' + b"x" * 10_000_000 + b'"}')
    assert_error(raw(cluster, ten_megabytes), 413)
    # Said beforehand and never sent.
    assert_error(raw(cluster, b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                              b"Content-Length: 999999999999\r\n\r\n"), 413)
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    assert_error(raw(cluster, b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                              b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 160), 413)
    for bomb in [b"x" * 1_000_000, b"\r\nx: " + b"y" * 100_000, b"".join(b"\r\nx-%d: y" % i for i in range(10_000))]:
        assert_error(raw(cluster, b"GET /live HTTP/1.1\r\nHost: x" + bomb + b"\r\n\r\n"), 431)
    for nonsense in [b"\0" * 100 + b"\r\n\r\n", b"HELLO\r\n\r\n", b"GET /live HTTP/9.9\r\nHost: x\r\n\r\n",
                     b"GET /live HTTP/1.1\r\n\r\n", b"GET /live HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                     b"GET /live HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n"]:
        assert re.match(rb"HTTP/1\.1 (400|505) ", raw(cluster, nonsense)), nonsense
    smuggled = (b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /live HTTP/1.1\r\nHost: x\r\n\r\n")
    refused = raw(cluster, smuggled)
    assert_error(refused, 400)
    assert refused.count(b"HTTP/1.1 ") == 1
    assert_error(raw(cluster, b"GET /v1/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), 405)
    assert_error(raw(cluster, b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), 404)
    assert_error(raw(cluster, post(b"a=b").replace(b"application/json", b"application/x-www-form-urlencoded")), 415)
    assert cluster.complete(prompt="Once", max_tokens=3)["choices"][0]["text"]
    assert all(group.restarts == 0 for group in cluster.groups().values())


def busy(cluster: Cluster) -> float:
    metrics = cluster.metrics()
    names = ("troupe_group_sequences_running", "troupe_group_sequences_waiting", "troupe_group_kv_pages_used",
             "troupe_requests_running")
    return sum(value for key, value in metrics.items() if key.startswith(names))


def test_a_client_that_leaves_frees_its_place_within_a_second(cluster):
    eventually(lambda: busy(cluster) == 0, 5, "idle before")
    streams = [Stream(cluster.address, body) for body in seeded_stories(16, 900)]
    for stream in streams:
        stream.start()
    eventually(lambda: all(len(stream.times) > 3 for stream in streams), 30, "all stream")
    eventually(lambda: busy(cluster) > 16, 5, "the groups report their streams, not only the gateway its requests")
    begin = time.monotonic()
    for stream in streams:
        stream.leave.set()
    for stream in streams:
        stream.join()
    left = time.monotonic()
    eventually(lambda: busy(cluster) == 0, 1, "all free within a second of the last client's leaving")
    print(f"\n16 clients left within {left - begin:.3f} s; all free {time.monotonic() - left:.3f} s later")
    # A fast machine may come to the end of some before they leave: those have their whole length.
    assert {stream.error or stream.finish for stream in streams} <= {"left", "length"}
    assert [stream.error for stream in streams].count("left") >= len(streams) / 2
    # Not streamed: the connection ends while the answer is being made.
    body = post(json.dumps(seeded_stories(1, 900)[0]).encode())
    with socket.create_connection(cluster.address, 20) as connection:
        connection.sendall(body)
        eventually(lambda: busy(cluster) > 0, 5, "it runs")
    left = time.monotonic()
    eventually(lambda: busy(cluster) == 0, 1, "free within a second")
    print(f"one without a stream: {time.monotonic() - left:.3f} s")


def test_sigterm_lets_running_streams_finish(start_cluster):
    cluster = start_cluster(groups=2, tensorParallel=2)
    bodies = seeded_stories(8, 400)
    expected = [stream.text for stream in run_streams(cluster.address, bodies)]
    cluster.processes()
    streams = [Stream(cluster.address, body) for body in bodies]
    for stream in streams:
        stream.start()
    eventually(lambda: all(len(stream.times) > 10 for stream in streams), 30, "all stream")
    begin = time.monotonic()
    cluster.up.send_signal(signal.SIGTERM)

    def refused() -> bool:
        try:
            socket.create_connection(cluster.address, 5).close()
            return False
        except ConnectionRefusedError:
            return True

    eventually(refused, 5, "new connections are refused")
    refused_after = time.monotonic() - begin
    running = sum(stream.is_alive() for stream in streams)
    for stream in streams:
        stream.join()
    streamed_s = time.monotonic() - begin
    assert [stream.error for stream in streams] == [None] * len(streams)
    assert [stream.text for stream in streams] == expected
    took = cluster.await_end(begin)
    print(f"\nSIGTERM: refused after {refused_after:.2f} s with {running} streams running, the last ended after"
          f" {streamed_s:.2f} s, all processes after {took:.2f} s")
    assert running > 0
