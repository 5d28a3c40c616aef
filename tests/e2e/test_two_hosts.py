"""One group whose ranks are on two hosts. Each host is an agent with a state folder and an address of its own; both are
of this machine, where all of 127.0.0.0/8 is."""
import contextlib
import os
import pathlib
import socket

import pytest

from chaos_support import AtToken, texts
from cluster import Cluster, OtherHost, eventually, write_config
from processes import kill
from streams import run_streams, seeded_stories

RECOVERY_S = 60.0


def free_port(address: str) -> int:
    """Nobody but this test listens at its addresses."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


class TwoHosts:
    def __init__(self, program: str, model: pathlib.Path, folder: pathlib.Path, **keys):
        network = f"127.{1 + os.getpid() % 250}.{1 + os.getpid() // 250 % 250}"
        self.addresses = [f"{network}.{number}" for number in (1, 2)]
        hosts = [
            {"name": f"host-{i}", "address": address, "port": free_port(address)}
            for i, address in enumerate(self.addresses)
        ]
        gateway = {"name": "gateway-0", "host": "host-0", "address": self.addresses[0]}
        gateway |= {"port": free_port(self.addresses[0]), "httpPort": 1}  # start() asks for any free one.
        deployment = {"name": "troupe-tiny", "model": str(model), "aliases": ["default"]}
        deployment |= {"tensorParallel": 2, "hostsPerGroup": 2} | keys
        for name in ("first", "second"):
            (folder / name).mkdir()
        config = write_config(folder / "cluster.yaml", [deployment], hosts=hosts, gateways=[gateway])
        self.first = Cluster(program, config, folder / "first")
        self.second = OtherHost(self.first, "host-1", folder / "second")
        self.hosts = [self.first, self.second]

    def await_ready(self) -> None:
        eventually(self.first.is_ready, RECOVERY_S, "the group is ready")

    def ranks(self) -> list:
        return [rank for host in self.hosts for rank in host.ranks()]


@pytest.fixture
def two_hosts(program, root, tmp_path):
    """Starts a cluster of two hosts; what a test did not stop is ended with SIGTERM and must leave nothing behind."""
    started: list[TwoHosts] = []

    def start(**keys) -> TwoHosts:
        folder = tmp_path / f"two-hosts-{len(started)}"
        folder.mkdir()
        both = TwoHosts(program, root / "models" / "troupe-tiny", folder, **keys)
        started.append(both)
        both.first.start(ready=False)
        both.second.start()
        both.await_ready()
        return both

    try:
        yield start
        for both in started:
            for host in reversed(both.hosts):
                if host.up.poll() is None:
                    host.stop()
    finally:
        for both in started:
            for host in both.hosts:
                host.destroy()


def listening(pid: int) -> list[str]:
    """Addresses at which a process's TCP sockets listen: "127.0.0.1"; none where it has ended."""
    listeners = {}
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A":
            listeners[f"socket:[{fields[9]}]"] = socket.inet_ntoa(bytes.fromhex(fields[1].split(":")[0])[::-1])
    found = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found += [listeners[held] for held in [os.readlink(entry)] if held in listeners]
    return found


def answers(cluster: Cluster) -> list:
    """Texts and log-probabilities of several requests: what the bits decide."""
    asked = {"temperature": 0.8, "max_tokens": 48, "logprobs": 3, "ignore_eos": True}
    prompts = ["It was a dark evening and the sea", "Chapter 7. " + "The lamp, and then the stair. " * 12]
    return [cluster.complete(prompt=prompt, seed=seed, **asked)["choices"] for prompt in prompts for seed in (3, 4)]


@pytest.mark.parametrize("ranks", [2, 4])
def test_a_group_over_two_hosts_answers_as_one_rank_does(start_cluster, two_hosts, ranks):
    alone = start_cluster(tensorParallel=1)
    expected = answers(alone)
    alone.stop()
    both = two_hosts(tensorParallel=ranks)
    assert answers(both.first) == expected
    for host, first in zip(both.hosts, (0, ranks // 2)):
        names = [rank.name for rank in host.ranks()]
        assert names == [f"troupe-tiny-g0-r{rank}" for rank in range(first, first + ranks // 2)]
    for rank in both.ranks():
        assert "--shared-memory-fd" not in pathlib.Path(f"/proc/{rank.pid}/cmdline").read_text().split("\0")
        assert listening(rank.pid) == [], "the ranks have met: nobody is let in any more"


def test_a_group_that_waits_for_its_other_host_listens_on_its_own_hosts_address_alone(two_hosts):
    both = two_hosts()
    both.second.stop()
    where = eventually(lambda: [at for r in both.first.ranks() for at in listening(r.pid)], RECOVERY_S, "a rank listens")
    assert set(where) == {both.addresses[0]}
    eventually(lambda: "waits for the link to host-1" in both.first.ctl("tree").stdout, RECOVERY_S, "it says why it waits")
    both.second.start()
    both.await_ready()
    assert both.first.groups()["troupe-tiny/0"].restarts > 0


def test_a_killed_gateway_comes_back_and_adopts_the_ranks_of_both_hosts(two_hosts):
    both = two_hosts()
    expected = answers(both.first)
    before = both.ranks()
    gateway = next(process for process in both.first.processes() if process.name == "gateway-0")
    kill(gateway.pid)

    def ready_again() -> bool:
        try:
            return both.first.is_ready()
        except OSError:
            return False

    eventually(lambda: not gateway.lives() and ready_again(), RECOVERY_S, "ready again")
    assert both.ranks() == before
    assert both.first.groups()["troupe-tiny/0"].generation == 1
    assert answers(both.first) == expected


@pytest.mark.parametrize("victim", [0, 1])
def test_the_kill_of_a_rank_fences_the_group_and_it_comes_back_on_both_hosts(two_hosts, victim):
    both = two_hosts()
    bodies = seeded_stories(4, 120)
    expected = texts(run_streams(both.first.address, bodies))
    before = both.ranks()
    at = AtToken(60, lambda: kill(before[victim].pid))
    # There is no other group: the streams wait for this one's next generation.
    assert texts(run_streams(both.first.address, bodies, at)) == expected
    assert at.reached()
    both.await_ready()
    group = both.first.groups()["troupe-tiny/0"]
    assert (group.generation, group.restarts) == (2, 1)
    after = both.ranks()
    assert [(rank.name, rank.generation) for rank in after] == [(rank.name, 2) for rank in before]
    assert not any(rank.lives() for rank in before)
    assert texts(run_streams(both.first.address, bodies)) == expected
    lost = [event for event in both.first.events("gateway-0") if event.get("event") == "group.lost"]
    assert len(lost) == 1, lost
