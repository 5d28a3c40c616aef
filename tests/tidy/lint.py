"""Runs clang-tidy over the C++ sources of the layers, as many at once as there are cores.

    lint.py BUILD_FOLDER RESULTS_FOLDER [JOBS [PART_OF_A_PATH]]

BUILD_FOLDER is one that has been built: its compile commands are used, and ninja's record of which headers each source
includes. A source that was clean is looked at again only when it, one of its headers, its command, the checks or
clang-tidy have changed. Ends with "N passed, N failed, N skipped", counting sources.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

from tree import LAYERS, ROOT


def headers_of_objects(build: pathlib.Path) -> dict[str, list[str]]:
    """ninja's record: object -> the files that it was made from."""
    text = subprocess.run(["ninja", "-C", build, "-t", "deps"], capture_output=True, text=True, check=True).stdout
    found: dict[str, list[str]] = {}
    files: list[str] = []
    for line in text.split("\n"):
        if match := re.match(r"(\S.*): #deps \d+, deps mtime \d+ \((VALID|STALE)\)", line):
            files = found.setdefault(match.group(1), [])
        elif line.startswith("    "):
            files.append(str(build / line.strip()))
    return found


def clang_arguments(entry: dict) -> list[str]:
    """The command without ccache, gcc's precompiled headers and warnings, which are the compiler's business."""
    arguments = entry["arguments"] if "arguments" in entry else shlex.split(entry["command"])
    if arguments[0].endswith("ccache"):
        arguments = arguments[1:]
    kept, skip = [], False
    for i, argument in enumerate(arguments):
        if skip:
            skip = False
        elif argument == "-include" and "cmake_pch" in arguments[i + 1]:
            skip = True
        elif not argument.startswith("-W"):
            kept.append(argument)
    return kept + ["-w"]


class Linter:
    def __init__(self, build: pathlib.Path, results: pathlib.Path):
        self.results = results
        self.headers = headers_of_objects(build)
        self.digests: dict[str, str] = {}
        version = subprocess.run(["clang-tidy", "--version"], capture_output=True, text=True, check=True).stdout
        self.checks = version + (ROOT / ".clang-tidy").read_text()
        self.entries = {}
        for entry in json.loads((build / "compile_commands.json").read_text()):
            path = pathlib.Path(entry["file"])
            if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in LAYERS:
                self.entries[path.relative_to(ROOT).as_posix()] = entry
        (results / "clean").mkdir(parents=True, exist_ok=True)
        commands = [{**entry, "command": shlex.join(clang_arguments(entry))} for entry in self.entries.values()]
        (results / "compile_commands.json").write_text(json.dumps(commands))

    def digest(self, path: str) -> str:
        """Of a file's content; of a system header, whose package changes it, its size and time."""
        if path not in self.digests:
            status = os.stat(path)
            if path.startswith("/usr/"):
                self.digests[path] = f"{status.st_size} {status.st_mtime_ns}"
            else:
                self.digests[path] = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
        return self.digests[path]

    def key(self, source: str) -> str | None:
        """Names all that a result depends on; None when that is not known."""
        entry = self.entries[source]
        arguments = clang_arguments(entry)
        headers = self.headers.get(arguments[arguments.index("-o") + 1])
        if not headers:
            return None
        parts = [self.checks, shlex.join(arguments), *(f"{path} {self.digest(os.path.normpath(path))}" for path in headers)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def lint(self, source: str) -> str:
        """What clang-tidy says; nothing for a clean source."""
        key = self.key(source)
        if key and (self.results / "clean" / key).exists():
            return ""
        done = subprocess.run(["clang-tidy", "--quiet", "-p", self.results, ROOT / source], capture_output=True, text=True)
        if done.returncode == 0:
            if key:
                (self.results / "clean" / key).touch()
            return ""
        return done.stdout.strip() or done.stderr.strip()


def main() -> int:
    build, results = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    jobs = int(sys.argv[3]) if len(sys.argv) > 3 else os.cpu_count()
    part = sys.argv[4] if len(sys.argv) > 4 else ""
    linter = Linter(build, results)
    sources = sorted(source for source in linter.entries if part in source)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for number, (source, said) in enumerate(zip(sources, pool.map(linter.lint, sources)), 1):
            print(f"[{number}/{len(sources)}] {source}", flush=True)
            if said:
                failed += 1
                print(said, flush=True)
    print(f"{len(sources) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not sources else 0


if __name__ == "__main__":
    sys.exit(main())
