"""SIGKILL of the host's agent itself: what it started goes on, and is taken over, or ends."""
import socket
import time

from chaos_support import AtToken, answers, await_redundancy, gaps_line, texts
from cluster import eventually
from processes import kill
from streams import run_streams, seeded_stories


def named(cluster, name: str):
    return next(process for process in cluster.processes() if process.name == name)


def test_the_next_agent_takes_over_what_lives(start_cluster):
    cluster = start_cluster(groups=2, tensorParallel=2)
    bodies = seeded_stories(8, 300)
    expected = texts(run_streams(cluster.address, bodies))
    before, address = cluster.processes(), cluster.address
    took = []

    def replace_agent() -> None:
        begin = time.monotonic()
        cluster.kill_agent()
        cluster.start(ready=False)
        took.append(time.monotonic() - begin)

    streams = run_streams(address, bodies, AtToken(400, replace_agent))
    assert texts(streams) == expected
    print(f"\nagent replaced in {took[0]:.2f} s: {gaps_line(streams)}")
    assert cluster.address == address
    assert cluster.processes() == before
    eventually(lambda: "host host-0  running" in cluster.ctl("tree").stdout, 10, "the gateway has found the new agent")
    # It does what the one before did: a rank and then the gateway are started again.
    rank = cluster.ranks()[0]
    kill(rank.pid)
    eventually(lambda: cluster.groups()[rank.group].generation > rank.generation, 10, "the rank's group is replaced")
    await_redundancy(cluster)
    gateway = named(cluster, "gateway-0")
    kill(gateway.pid)
    eventually(lambda: not gateway.lives() and answers(cluster), 20, "a new gateway at the same address")
    assert texts(run_streams(address, bodies)) == expected


def test_an_agent_with_another_configuration_begins_anew(start_cluster):
    cluster = start_cluster(groups=1, tensorParallel=2)
    before = cluster.processes()
    cluster.kill_agent()
    cluster.config.write_text(cluster.config.read_text().replace('"groups": 1', '"groups": 2'))
    cluster.start()
    assert not any(process.lives() for process in before)
    assert len(cluster.groups()) == 2


def test_without_an_agent_everything_ends(start_cluster):
    cluster = start_cluster(groups=1, tensorParallel=2, sections={"supervision": {"orphanTimeoutMs": 1000}})
    orphans = cluster.processes()
    assert len(orphans) == 3
    begin = time.monotonic()
    cluster.kill_agent()
    eventually(lambda: not any(process.lives() for process in orphans), 30, "gateway and ranks end")
    print(f"\nall gone {time.monotonic() - begin:.2f} s after the agent")
    with socket.socket() as port:
        assert port.connect_ex(cluster.address) != 0
