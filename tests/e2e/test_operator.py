"""What an operator does, and does wrong: each is refused in one line that names the thing, and nothing is left behind."""
import json
import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

from chaos_support import AtToken
from cluster import Group, eventually, write_config
from processes import kill, send
from streams import Stream, run_streams, seeded_stories

STORY = seeded_stories(1, 1000)[0]  # Runs for seconds.


@pytest.fixture
def up(troupe, root, tmp_path):
    """Runs `troupe up` of a configuration that must be refused."""

    def run(state="state", port: int = 0, **keys):
        own = {"name": "troupe-tiny", "model": str(root / "models" / "troupe-tiny")}
        config = write_config(tmp_path / "cluster.yaml", [own | keys])
        return troupe("up", "--config", config, "--state", tmp_path / state, "--http-port", port)

    return run


def refused(done, *parts: str) -> None:
    assert done.returncode == 1, done
    assert done.stdout == ""
    said = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert len(said) == 1 and said[0].startswith("troupe: "), done.stderr
    for part in parts:
        assert part in said[0]


def lost_reasons(cluster) -> str:
    return " ".join(line for line in cluster.log.read_text().splitlines() if '"process.lost"' in line)


def test_a_port_in_use_is_named(up):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(up(port=port), f"127.0.0.1:{port}: the address is in use")


def test_a_model_that_cannot_be_served_is_named(up, root, tmp_path):
    refused(up(model="none"), "deployment troupe-tiny: ", "none/config.json")
    refused(up(kvPositions=134217728), "MiB are available", "kvPositions")
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in (root / "models" / "troupe-tiny").iterdir():
        if file.is_file():
            (broken / file.name).write_bytes(file.read_bytes())
    weights = broken / "model.safetensors"
    os.truncate(weights, weights.stat().st_size // 2)
    refused(up(model=str(broken)), "model.safetensors")


def test_a_state_folder_that_cannot_be_is_named(up, tmp_path):
    (tmp_path / "file").write_text("")
    refused(up(state="file/state"), "file/state/certificates")


def test_a_state_folder_belongs_to_one_agent(start_cluster, troupe):
    cluster = start_cluster(groups=1)
    before = cluster.processes()
    again = troupe("up", "--config", cluster.config, "--state", cluster.state, "--http-port", 0)
    refused(again, "processes: another host agent runs with this folder")
    assert cluster.processes() == before
    assert cluster.is_ready()


def test_why_a_process_fails_is_said_where_the_operator_looks(start_cluster):
    cluster = start_cluster(groups=1)
    cluster.stop()
    (cluster.state / "store.sqlite").write_bytes(b"not a database, whatever its name says" * 100)
    cluster.start(ready=False)
    eventually(lambda: "store.sqlite" in lost_reasons(cluster), 20, "the reason, in what `up` says")
    assert "move the file away" in lost_reasons(cluster)
    for file in cluster.state.glob("store.sqlite*"):
        file.unlink()
    eventually(lambda: answers(cluster), 30, "without the damaged file it starts")


def test_a_gateway_that_never_starts_ends_the_host(start_cluster):
    cluster = start_cluster(groups=1, sections={"supervision": {"restartsMax": 3}})
    cluster.stop()
    (cluster.state / "store.sqlite").write_bytes(b"not a database, whatever its name says" * 100)
    cluster.start(ready=False)
    assert cluster.up.wait(20) == 1
    assert '"process.gave_up"' in cluster.log.read_text()


def test_an_edited_configuration_counts_from_the_next_start(start_cluster):
    cluster = start_cluster(groups=1, tensorParallel=2)
    cluster.config.write_text("no: longer\nvalid: [")
    rank = cluster.ranks()[0]
    kill(rank.pid)
    eventually(lambda: cluster.groups()[rank.group].generation > rank.generation, 10, "the group is replaced")
    eventually(cluster.is_ready, 20, "ready as it was")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_lets_streams_finish_and_ends_everything(start_cluster, number):
    cluster = start_cluster(groups=1)
    stream = running(cluster)
    begin = time.monotonic()
    send(cluster.up.pid, number)
    cluster.await_end(begin)
    stream.join()
    assert stream.error is None and len(stream.times) > 1


def test_a_second_signal_ends_everything_at_once(start_cluster):
    cluster = start_cluster(groups=1)
    started = cluster.processes()
    stream = running(cluster)
    send(cluster.up.pid, signal.SIGTERM)
    eventually(lambda: "node.terminating" in cluster.log.read_text(), 10, "the first one has arrived")
    send(cluster.up.pid, signal.SIGTERM)
    assert cluster.up.wait(5) == 1
    eventually(lambda: not any(process.lives() for process in started), 5, "nothing is left behind")
    stream.join()
    assert stream.error


def test_ctl_says_when_nobody_answers(troupe, start_cluster, tmp_path):
    done = troupe("ctl", "--state", tmp_path, "status")
    assert done.returncode == 1 and "no cluster was started with the state folder" in done.stderr
    cluster = start_cluster(groups=1)
    cluster.stop()
    done = cluster.ctl("status")
    assert done.returncode == 1 and "is it running?" in done.stderr


def test_ctl_drains_a_gateway_and_a_group(start_cluster):
    cluster = start_cluster(groups=2)
    done = cluster.ctl("drain", "nobody")
    assert done.returncode == 1 and "nobody" in done.stderr
    gateway = next(process for process in cluster.processes() if process.name == "gateway-0")
    stream = running(cluster)
    assert cluster.ctl("drain", "gateway-0").returncode == 0
    stream.join()
    assert stream.error is None
    eventually(lambda: not gateway.lives() and answers(cluster), 20, "it is started again")
    rank = next(rank for rank in cluster.ranks() if rank.group == "troupe-tiny/0")
    assert cluster.ctl("drain", "troupe-tiny/0").returncode == 0
    eventually(lambda: not rank.lives(), 20, "its processes have ended")
    stopped = eventually(lambda: stopped_group(cluster, "troupe-tiny/0"), 20, "it stays down")
    assert cluster.ctl("status").returncode == 1
    assert cluster.complete(prompt="The sea", max_tokens=3)["usage"]["completion_tokens"] == 3
    # Not started again meanwhile: that would be another generation.
    assert cluster.groups()["troupe-tiny/0"] == stopped
    assert [rank.group for rank in cluster.ranks()] == ["troupe-tiny/1"]


def test_ctl_tree_lists_every_actor_of_the_gateway(start_cluster):
    cluster = start_cluster(groups=1)
    lines = [line.lstrip("│├└─ ") for line in cluster.ctl("tree").stdout.splitlines()]
    actors = [line.split()[1] for line in lines if line.startswith("actor ")]
    assert actors == ["requests", "router", "controller", "membership", "host_watch"]
    assert all(line.split()[2] == "running" for line in lines if line.startswith("actor "))
    assert lines[-2].startswith("group troupe-tiny/0  ready") and lines[-1].startswith("rank troupe-tiny-g0-r0  ready")


def test_two_hosts_make_one_cluster(start_cluster, program, tmp_path):
    # Ports that others must know cannot be 0: these were free a moment ago.
    free = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    ports = [one.getsockname()[1] for one in free]
    for one in free:
        one.close()
    cluster = start_cluster(groups=2, tensorParallel=2, ready=False, sections={
        "hosts": [{"name": "host-0", "port": ports[0]}, {"name": "host-1", "port": ports[1]}],
        "gateways": [{"name": "gateway-0", "host": "host-0", "port": ports[2], "httpPort": 1}],
    })
    state = tmp_path / "state-1"
    shutil.copytree(cluster.state / "certificates", state / "certificates")
    command = [program, "up", "--config", cluster.config, "--host", "host-1", "--state", state]
    with open(tmp_path / "up-1.log", "wb") as log:
        second = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        eventually(cluster.is_ready, 30, "both groups ready, one on each host")
        assert {rank.group for rank in cluster.ranks()} == {"troupe-tiny/0"}
        assert len(list((state / "processes").iterdir())) == 2
        streams = run_streams(cluster.address, seeded_stories(4, 300), AtToken(40, lambda: send(second.pid, signal.SIGTERM)))
        assert [stream.error for stream in streams] == [None] * 4
        assert second.wait(20) == 0
        assert list((state / "processes").iterdir()) == []
    finally:
        second.kill()
        second.wait()


def running(cluster) -> Stream:
    """A stream that has begun and goes on for a while."""
    stream = Stream(cluster.address, STORY)
    stream.start()
    eventually(lambda: stream.times, 20, "its first token")
    return stream


def stopped_group(cluster, name: str) -> Group | None:
    """What is said of it once it has stopped."""
    group = cluster.groups()[name]
    return group if group.state == "stopped" else None


def answers(cluster) -> bool:
    try:
        return cluster.is_ready()
    except (OSError, AssertionError, json.JSONDecodeError):
        return False
