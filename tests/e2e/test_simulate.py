"""troupe simulate, from outside: the same seed says the same, and what it writes can be read."""
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest


@pytest.fixture
def simulate(troupe):
    return lambda *arguments: troupe("simulate", *arguments, timeout=120)


def test_the_same_seed_says_the_same(simulate):
    first = simulate("--seed", "7")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "faults:" in first.stdout and "hash" in first.stdout
    assert simulate("--seed", "7").stdout == first.stdout
    assert simulate("--seed", "8").stdout != first.stdout


def test_a_build_with_sanitizers_says_the_same(simulate):
    told = os.environ.get("TROUPE_HISTORIES")
    if not told:
        pytest.skip("the tests with sanitizers are no part of this run (TROUPE_HISTORIES: what they said)")
    histories = re.findall(r"history of seed (\d+): ([0-9a-f]{16})", Path(told).read_text())
    assert histories
    for seed, history in histories:
        assert f"hash {history}" in simulate("--seed", seed).stdout


def test_a_seed_is_asked_for(simulate):
    for arguments in [(), ("minimise",)]:
        done = simulate(*arguments)
        assert done.returncode == 2 and "--seed" in done.stderr


def test_a_fault_can_be_taken_away(simulate):
    made_of = simulate("--seed", "7").stdout.splitlines()[0]
    fault = made_of.split("faults: ")[1].split(";")[0].split()[0]
    without = simulate("--seed", "7", "--without", fault)
    assert fault not in without.stdout.splitlines()[0].split("faults:")[1]
    wrong = simulate("--seed", "7", "--without", "bad.luck")
    assert wrong.returncode == 1
    assert "there is no fault bad.luck; there are: process.crash, " in wrong.stderr


def test_an_unusual_turn_can_be_taken_away(simulate):
    for seed in range(20):
        made_of = simulate("--seed", str(seed)).stdout.splitlines()[0]
        if "; unusual: " in made_of:
            break
    turn = made_of.split("; unusual: ")[1].split(";")[0].split()[0]
    without = simulate("--seed", str(seed), "--without", turn).stdout.splitlines()[0]
    assert turn not in without


def test_requests_come_as_in_a_trace(simulate, tmp_path):
    trace, report = tmp_path / "trace.csv", tmp_path / "report.json"
    lines = [f"2026-01-02 03:04:{i // 10:02}.{i % 10},{1000 + i},{10 + i}" for i in range(100)]
    trace.write_text("\n".join(["TIMESTAMP,ContextTokens,GeneratedTokens", *lines]) + "\n")
    plain, traced = simulate("--seed", "7"), simulate("--seed", "7", "--arrivals", trace)
    assert traced.returncode == 0, traced.stdout + traced.stderr
    assert " and arrivals" in traced.stdout and traced.stdout != plain.stdout
    assert simulate("swarm", "--seeds", "4", "--arrivals", trace, "--report", report).returncode == 0
    assert json.loads(report.read_text())["arrivals"] == str(trace)
    trace.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\nyesterday,1,2\n")
    for command in [("--seed", "7"), ("swarm", "--seeds", "4")]:
        wrong = simulate(*command, "--arrivals", trace)
        assert wrong.returncode == 1
        assert f"{trace}: line 2 of the trace is no request" in wrong.stderr


def test_a_run_can_be_read_and_looked_at(simulate, tmp_path):
    trace, page = tmp_path / "trace.txt", tmp_path / "page.html"
    assert simulate("--seed", "7", "--trace", trace, "--page", page).returncode == 0
    text = trace.read_text()
    assert "phase.safety" in text and "fault.begins" in text and "request.ended" in text
    html = page.read_text()
    HTMLParser().feed(html)
    assert "<svg" in html and "troupe simulate --seed 7" in html
    assert "http://" not in html.replace("http://www.w3.org/", "") and "https://" not in html


def test_a_swarm_reports(simulate, tmp_path):
    report = tmp_path / "report.json"
    done = simulate("swarm", "--first", "100", "--seeds", "10", "--jobs", "2", "--report", report)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(report.read_text())
    assert said["first_seed"] == 100 and said["seeds"] == 10 and said["repeated"] == 1 and said["failures"] == []
    assert said["requests"]["complete"] > 100
    assert said["states"]["a request is complete"] is True
    again = simulate("replay", report)
    assert again.returncode == 0 and again.stdout == "no seed of it failed\n"


def test_a_seed_that_hangs_is_a_failure(simulate, tmp_path):
    report = tmp_path / "report.json"
    done = simulate("swarm", "--seeds", "3", "--jobs", "2", "--seed-seconds", "0", "--report", report)
    assert done.returncode == 1
    failures = json.loads(report.read_text())["failures"]
    assert failures and {each["id"] for each in failures} == {"hang"}


def test_a_failed_seed_is_replayed(simulate, tmp_path):
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"failures": [{"seed": 3}]}))
    again = simulate("replay", report)
    assert again.returncode == 0 and again.stdout == simulate("--seed", "3").stdout
    report.write_text("[]")
    wrong = simulate("replay", report)
    assert wrong.returncode == 1 and "is no report of a swarm" in wrong.stderr


def test_what_breaks_nothing_cannot_be_minimised(simulate):
    done = simulate("minimise", "--seed", "7")
    assert done.returncode == 1 and "seed 7 breaks nothing" in done.stderr


def test_mistakes_are_planted_only_in_a_build_for_it(simulate):
    done = simulate("mutants")
    assert done.returncode == 1 and "preset `planted`" in done.stderr
