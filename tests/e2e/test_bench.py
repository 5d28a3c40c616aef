"""`troupe bench`: that it measures what it says, not how fast anything is."""
import re
import subprocess
import sys

import pytest


@pytest.fixture
def model(root):
    return root / "models" / "troupe-tiny"


def test_engine_prints_a_rate_for_each_number_of_streams(troupe, model):
    done = troupe("bench", "engine", "--model", model, "--prompt", 32, "--streams", "1,3", "--steps", 4, "--repeats", 1)
    assert done.returncode == 0, done
    assert re.search(r"^memory: \d+\.\d GB/s", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^prefill 32 tokens: \d+\.\d tokens/s$", done.stdout, re.MULTILINE), done.stdout
    assert re.findall(r"^decode, +(\d+) streams", done.stdout, re.MULTILINE) == ["1", "3"]


@pytest.mark.parametrize("tp", [1, 2])
def test_a_side_obeys_lines_and_ends_with_them(program, model, tp):
    command = [program, "bench", "side", "--model", model, "--prompt", "32", "--streams", "3", "--context", "64", "--tp", str(tp)]
    lines = "prefill 32\ndecode 3 4 16\nneeded\nread 1 0\nread 31 0\nresident\n"
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done
    first, *answers = done.stdout.splitlines()
    assert first == "ready"
    prompt, step, needed, of_one, of_sixteen, resident = map(float, answers)
    assert 0 < step < prompt + 60
    # Keys and values come in pages of 16 positions: two for the prompt, and two each for the other two streams' 20.
    position = (of_sixteen - of_one) / 15
    assert position > 0 and needed - of_one == (6 * 16 - 1) * position
    assert resident > needed


def test_a_side_refuses_what_it_does_not_know(program, model):
    done = subprocess.run([program, "bench", "side", "--model", model], input="dance\n", capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert 'does not know the line dance' in done.stderr


def test_a_served_cluster_is_a_side_too(program, root, model):
    command = [sys.executable, root / "tests" / "bench" / "served_side.py", program, model, "1", "1000", "4"]
    done = subprocess.run(command, input="decode 4 800 16\noutside\n", capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done
    first, seconds, outside = done.stdout.splitlines()
    assert first == "ready"
    assert 0 < float(seconds) < 60
    assert 0 < float(outside) < 1


def test_a_simulated_clusters_speed_is_measured(troupe):
    done = troupe("bench", "simulation", "--minutes", "0.2", "--rounds", "1")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(
        r"5 nodes, 3 groups, \d+ requests and \d+ tokens a simulated second, \d+ events a simulated second\n"
        r"\d+\.\d\d \(\d+\.\d\d – \d+\.\d\d\) simulated hours a minute, on one core, with all checkers\n", done.stdout), done.stdout
