"""What the tests in Python share: the program, clusters, the data folder."""
import os
import pathlib
import signal
import subprocess

import pytest

from cluster import Cluster, write_config

ROOT = pathlib.Path(__file__).resolve().parents[1]

# Under nohup it is ignored, what we start would inherit that, and a test that sends it would wait for ever.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def root() -> pathlib.Path:
    """The folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def data() -> pathlib.Path:
    """The folder of real data; a test that needs it is skipped where there is none."""
    folder = pathlib.Path(os.environ.get("TROUPE_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no data folder")
    return folder


@pytest.fixture(scope="session")
def program() -> str:
    """The path of the program troupe."""
    path = os.environ.get("TROUPE_BIN", str(ROOT / "build" / "release" / "cli" / "troupe"))
    assert os.access(path, os.X_OK), f"{path} has not been built: ./run --build-only"
    return path


@pytest.fixture(scope="session")
def troupe(program):
    """Runs the program to its end: troupe("config", "check", path) -> the completed process."""

    def run(*arguments, timeout: float = 60) -> subprocess.CompletedProcess:
        return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=timeout)

    return run


@pytest.fixture(scope="session")
def cluster(program, root, tmp_path_factory):
    """The cluster of ./run, shared by all tests that leave it as they found it."""
    shared = Cluster(program, root / "cluster-config" / "local.yaml", tmp_path_factory.mktemp("cluster"))
    try:
        yield shared.start()
        print(f"\nthe shared cluster ended in {shared.stop():.2f} s")
    finally:
        shared.destroy()


@pytest.fixture
def start_cluster(program, root, tmp_path):
    """Starts clusters of the test's own: start_cluster(groups=2, tensorParallel=2, supervision={...}) -> Cluster.

    Keys of one deployment of the bundled model, or `deployments`, and whole sections of the configuration. What a test
    did not stop is ended with SIGTERM and must leave nothing behind.
    """
    started: list[Cluster] = []

    def start(deployments: list[dict] | None = None, sections: dict | None = None, ready: bool = True, **keys) -> Cluster:
        folder = tmp_path / f"cluster-{len(started)}"
        folder.mkdir()
        own = {"name": "troupe-tiny", "model": str(root / "models" / "troupe-tiny"), "aliases": ["default"]}
        config = write_config(folder / "cluster.yaml", deployments or [own | keys], **(sections or {}))
        started.append(Cluster(program, config, folder))
        return started[-1].start(ready)

    try:
        yield start
        for one in started:
            if one.up.poll() is None:
                one.stop()
    finally:
        for one in started:
            one.destroy()
