"""The source tree as the tidy tests see it: its files, their lines, their includes."""
import pathlib
import re
import typing
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Base first: each may include those before it (style: who may include whom).
LAYERS = {
    "base": {"base"},
    "schemas": {"base", "schemas"},
    "shards": {"base", "schemas", "shards"},
    "cuda": {"base", "schemas", "shards", "cuda"},
    "actors": {"base", "schemas", "shards", "actors"},
    "simulations": {"base", "schemas", "shards", "actors", "simulations"},
    "gateway": {"base", "schemas", "shards", "actors", "gateway"},
    "cli": {"base", "schemas", "shards", "cuda", "actors", "simulations", "gateway", "cli"},
}

# Not ours to judge: what builds, runs and version control leave behind.
SKIPPED = {".git", "build", "state", "__pycache__", ".cache", ".pytest_cache"}


class Line(typing.NamedTuple):
    path: str  # relative to the root, with slashes
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.number}: {self.text.strip()}"


def files(*suffixes: str, under: str = "") -> list[str]:
    """Paths of the tree's files with one of these suffixes; all of them without."""
    found = []
    for path in sorted((ROOT / under).rglob("*")):
        relative = path.relative_to(ROOT)
        if SKIPPED.isdisjoint(relative.parts) and path.is_file() and (not suffixes or path.suffix in suffixes):
            found.append(relative.as_posix())
    return found


def lines(paths: typing.Iterable[str]) -> list[Line]:
    """Every line of these files; a file that is not text has none."""
    found = []
    for path in paths:
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [Line(path, number, line) for number, line in enumerate(text.split("\n"), 1)]
    return found


def code() -> list[Line]:
    """The C++ of the layers, without tests and without comments of whole lines."""
    paths = [path for layer in LAYERS for path in files(".hpp", ".cpp", ".cu", ".cuh", under=layer)]
    return [line for line in lines(paths) if not line.text.lstrip().startswith("//")]


INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def included(line: Line) -> str | None:
    """What the line includes: "<caf/actor.hpp" or "\\"base/result.hpp", with the opening mark; None for another line."""
    match = INCLUDE.match(line.text)
    return match.group(1) + match.group(2) if match else None


class TreeTest(unittest.TestCase):
    def assert_none(self, problems: list[str]) -> None:
        """Fails with the problems, one a line."""
        if problems:
            self.fail("\n" + "\n".join(problems))
