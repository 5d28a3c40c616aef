"""A cluster of real processes, started and looked at from outside."""
import dataclasses
import http.client
import json
import pathlib
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable

import processes

READY_S = 60.0
STOP_S = 40.0  # drainTimeoutMs is 30 s by default.


def eventually(true: Callable[[], object], within_s: float, what: str):
    """Asks until the answer is true, and returns it."""
    deadline = time.monotonic() + within_s
    while True:
        answer = true()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.02)


@dataclasses.dataclass(frozen=True)
class Process:
    """What a file in the state folder's `processes` says."""

    name: str
    generation: int
    pid: int
    start: int

    def lives(self) -> bool:
        return processes.start_time(self.pid) == self.start

    @property
    def is_rank(self) -> bool:
        return re.search(r"-g\d+-r\d+$", self.name) is not None

    @property
    def group(self) -> str:
        """Of a rank: `troupe-tiny/0` of `troupe-tiny-g0-r1`."""
        return re.sub(r"-g(\d+)-r\d+$", r"/\1", self.name)


@dataclasses.dataclass(frozen=True)
class Group:
    state: str
    generation: int
    restarts: int


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]  # Names in lower case.
    body: bytes

    def json(self):
        return json.loads(self.body)


class Cluster:
    """`troupe up` and what it started. start() returns when it is ready; stop() asserts that nothing is left."""

    def __init__(self, program: str, config: pathlib.Path, folder: pathlib.Path):
        self.program = program
        self.config = config
        self.state = folder / "state"
        self.log = folder / "up.log"
        self.up: subprocess.Popen | None = None
        self.address = ("", 0)
        self.seen: set[Process] = set()

    def launch(self, *arguments: str) -> str:
        """`troupe up`; returns the first line that it prints."""
        command = [self.program, "up", "--config", self.config, "--state", self.state, "--http-port", "0", *arguments]
        with open(self.log, "ab") as log:
            self.up = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True)
        return self.up.stdout.readline()

    def start(self, ready: bool = True) -> "Cluster":
        first = self.launch()
        found = re.search(r"http://([\d.]+):(\d+) ", first)
        assert found, f"it said {first!r}\n{self.log.read_text()}"
        self.address = (found[1], int(found[2]))
        if ready:
            eventually(self.is_ready, READY_S, f"ready; {self.log.read_text()[-2000:]}")
        return self

    @property
    def url(self) -> str:
        return f"http://{self.address[0]}:{self.address[1]}"

    def is_ready(self) -> bool:
        """Every group: GET /ready wants only one of each deployment."""
        assert self.up.poll() is None, f"`up` has ended with {self.up.returncode}: {self.log.read_text()[-2000:]}"
        return all(group.state == "ready" for group in self.groups().values()) if self.get("/ready").status == 200 else False

    def request(self, method: str, path: str, body: bytes | dict | None = None, headers: dict | None = None) -> Answer:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection(*self.address, timeout=60)
        try:
            if isinstance(body, dict):
                body = json.dumps(body).encode()
            headers = ({"Content-Type": "application/json"} if body is not None else {}) | (headers or {})
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        return self.request("GET", path)

    def complete(self, **fields) -> dict:
        """A completion that must go well."""
        answer = self.request("POST", "/v1/completions", {"model": "default"} | fields)
        assert answer.status == 200, answer
        return answer.json()

    def ctl(self, *arguments: str) -> subprocess.CompletedProcess:
        command = [self.program, "ctl", "--state", self.state, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=30)

    def groups(self) -> dict[str, Group]:
        """What `ctl status` says, by `deployment/number`."""
        done = self.ctl("status")
        found = re.findall(r"^(\S+/\d+) +(.+?) +generation (\d+) +restarts (\d+)", done.stdout, re.MULTILINE)
        assert found, done
        return {name: Group(state, int(generation), int(restarts)) for name, state, generation, restarts in found}

    def processes(self) -> list[Process]:
        """Those of the state folder that live; `up` is not among them."""
        found = []
        for file in sorted((self.state / "processes").glob("*")):
            try:
                name, generation, pid, start, *_ = file.read_text().split()
            except (FileNotFoundError, ValueError):
                continue  # It ended meanwhile, or is just being written.
            process = Process(name, int(generation), int(pid), int(start))
            if process.lives():
                found.append(process)
        self.seen |= set(found)
        return found

    def ranks(self) -> list[Process]:
        return [process for process in self.processes() if process.is_rank]

    def metrics(self) -> dict[str, float]:
        """By name with labels, as the text has it: `troupe_group_ready{group="troupe-tiny/0"}`."""
        answer = self.get("/metrics")
        assert answer.status == 200
        lines = [line for line in answer.body.decode().splitlines() if line and not line.startswith("#")]
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines}

    def metric_sum(self, name: str) -> float:
        """Over all labels."""
        return sum(value for key, value in self.metrics().items() if key.split("{")[0] == name)

    def events(self, node: str) -> list[dict]:
        """A node's log."""
        lines = (self.state / "logs" / f"{node}.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def stop(self) -> float:
        """SIGTERM, as an operator's. Returns the seconds it took; asserts its exit code and that no process is left."""
        self.processes()
        begin = time.monotonic()
        self.up.send_signal(signal.SIGTERM)
        return self.await_end(begin)

    def await_end(self, begin: float) -> float:
        """After SIGTERM."""
        try:
            code = self.up.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"`up` lives {STOP_S} s after SIGTERM: {self.log.read_text()[-2000:]}") from None
        took = time.monotonic() - begin
        left = [process for process in self.seen if process.lives()]
        assert not left, f"left behind: {left}"
        assert code == 0, f"exit code {code}: {self.log.read_text()[-2000:]}"
        return took

    def kill_agent(self) -> None:
        """SIGKILL: what it has started is left without it. start() may follow."""
        self.processes()
        self.up.kill()
        self.up.wait()
        self.up.stdout.close()

    def destroy(self) -> None:
        """Whatever happened before: none of its processes outlives the test."""
        if self.up is None:
            return
        if self.up.poll() is None:
            self.up.kill()
            self.up.wait()
        self.up.stdout.close()
        self.processes()
        for process in self.seen:
            if process.lives():
                processes.kill(process.pid)


class OtherHost(Cluster):
    """`troupe up --host` of a host without a gateway, with a state folder of its own; `first` has begun already."""

    def __init__(self, first: Cluster, host: str, folder: pathlib.Path):
        super().__init__(first.program, first.config, folder)
        self.first, self.host = first, host

    def start(self) -> "OtherHost":
        shutil.copytree(self.first.state / "certificates", self.state / "certificates", dirs_exist_ok=True)
        first = self.launch("--host", self.host)
        assert f"{self.host} is part of cluster" in first, f"it said {first!r}\n{self.log.read_text()}"
        return self


def write_config(file: pathlib.Path, deployments: list[dict], **sections: dict) -> pathlib.Path:
    """A cluster of one machine. A file of JSON is one of YAML."""
    config = {
        "name": "test",
        "hosts": [{"name": "host-0"}],
        "gateways": [{"name": "gateway-0", "host": "host-0", "httpPort": 0}],
        "deployments": deployments,
    }
    file.write_text(json.dumps(config | sections, indent=2))
    return file
