"""Clients on the standard library: server-sent events from many connections at once, with the time of every token."""
import http.client
import json
import threading
import time
from collections.abc import Callable

TIMEOUT_S = 120.0


class Stream(threading.Thread):
    """One streamed completion. After join(): `text`, `finish`, `times` of the tokens, the last event's `last_id` if it
    has any, and `error` unless it went well."""

    def __init__(self, address: tuple[str, int], body: dict, on_token: Callable[[], None] = lambda: None,
                 headers: dict[str, str] | None = None):
        super().__init__(daemon=True)
        self.headers = {"Content-Type": "application/json"} | (headers or {})
        self.last_id: str | None = None
        self.address = address
        self.body = body | {"stream": True}
        self.on_token = on_token
        self.text = ""
        self.finish: str | None = None
        self.times: list[float] = []
        self.error: str | None = "it has not ended"
        self.leave = threading.Event()  # Set it, and the client hangs up at the next token.

    def run(self) -> None:
        connection = http.client.HTTPConnection(*self.address, timeout=TIMEOUT_S)
        try:
            self.error = self._read(connection)
        except (OSError, http.client.HTTPException) as broken:
            self.error = f"{type(broken).__name__}: {broken}"
        finally:
            connection.close()

    def _read(self, connection: http.client.HTTPConnection) -> str | None:
        chat = "messages" in self.body
        path = "/v1/chat/completions" if chat else "/v1/completions"
        connection.request("POST", path, json.dumps(self.body), self.headers)
        answer = connection.getresponse()
        if answer.status != 200:
            return f"HTTP {answer.status}: {answer.read().decode()}"
        event_id = None
        for line in answer:
            if self.leave.is_set():
                connection.sock.close()
                return "left"
            if line.startswith(b"id: "):
                event_id = line[4:].strip().decode()
            if not line.startswith(b"data: "):
                continue
            data = line[6:].strip()
            if data == b"[DONE]":
                return None if answer.read().strip() == b"" else "there is something after [DONE]"
            event = json.loads(data)
            if "error" in event:
                return f"error event: {event['error']}"
            for choice in event["choices"]:
                self.text += (choice["delta"].get("content") or "") if chat else choice["text"]
                self.finish = choice["finish_reason"] or self.finish
            self.last_id = event_id
            self.times.append(time.monotonic())
            self.on_token()
        return "the connection ended before [DONE]"

    def gap(self) -> float:
        """The longest silence between two tokens, in seconds."""
        return max((b - a for a, b in zip(self.times, self.times[1:])), default=0.0)


def run_streams(address: tuple[str, int], bodies: list[dict], on_token: Callable[[], None] = lambda: None) -> list[Stream]:
    """All at once, to their ends."""
    streams = [Stream(address, body, on_token) for body in bodies]
    for stream in streams:
        stream.start()
    for stream in streams:
        stream.join()
    return streams


def seeded_stories(count: int, tokens: int) -> list[dict]:
    """Requests whose answers are chance (temperature 0.8) and yet always the same (seeds)."""
    return [
        {
            "model": "default",
            "prompt": f"Chapter {i + 1}. The evening",
            "max_tokens": tokens,
            "temperature": 0.8,
            "seed": 1000 + i,
            "ignore_eos": True,
        }
        for i in range(count)
    ]


def percentile(values: list[float], share: float) -> float:
    """The nearest-rank one."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
