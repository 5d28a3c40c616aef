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

BATCH = 8  # sources that clang-tidy sees as one file


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


def sources_of(path: pathlib.Path) -> list[pathlib.Path]:
    """What cmake/troupe_targets.cmake has joined in this file; the file itself if it has not."""
    if not path.name.startswith("joined_"):
        return [path]
    return [ROOT / source for source in re.findall(r'#include "(.+)"', path.read_text())]


class Linter:
    def __init__(self, build: pathlib.Path, results: pathlib.Path):
        self.build = build
        self.results = results
        self.headers = headers_of_objects(build)
        self.digests: dict[str, str] = {}
        version = subprocess.run(["clang-tidy", "--version"], capture_output=True, text=True, check=True).stdout
        self.checks = version + (ROOT / ".clang-tidy").read_text()
        self.entries = {}
        for entry in json.loads((build / "compile_commands.json").read_text()):
            for path in sources_of(pathlib.Path(entry["file"])):
                if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in LAYERS:
                    self.entries[path.relative_to(ROOT).as_posix()] = entry
        (results / "clean").mkdir(parents=True, exist_ok=True)

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

    def batches(self, part: str) -> list[list[str]]:
        """The sources that are not known to be clean: those with the same flags, a few at a time."""
        by_flags: dict[str, list[str]] = {}
        for source in sorted(self.entries):
            key = self.key(source)
            if part in source and not (key and (self.results / "clean" / key).exists()):
                by_flags.setdefault(shlex.join(self.flags(source)), []).append(source)
        return [group[i:i + BATCH] for group in by_flags.values() for i in range(0, len(group), BATCH)]

    def flags(self, source: str) -> list[str]:
        """Its arguments after the compiler, without the source and what is made of it."""
        arguments = clang_arguments(self.entries[source])
        with_value = {"-o", "-MF", "-MT", "-MQ", "-c"}
        return [a for a, before in zip(arguments[1:], arguments) if not {a, before} & with_value and a != "-MD"]

    def tidy(self, file: pathlib.Path, flags: list[str]) -> str:
        """What clang-tidy says; nothing where all is well."""
        command = ["clang-tidy", "--quiet", f"--header-filter=/({'|'.join(LAYERS)})/.*[.][ch]pp$", file, "--", *flags]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.build)
        return "" if done.returncode == 0 else done.stdout.strip() or done.stderr.strip()

    def lint(self, batch: list[str]) -> dict[str, str]:
        """What is wrong with each. Together first, as one file: most of clang-tidy's time goes into headers. A batch that
        is not clean, or whose sources do not go together, is halved until each stands alone."""
        flags = self.flags(batch[0])
        file = ROOT / batch[0]
        if len(batch) > 1:
            file = self.results / f"{hashlib.sha256(chr(10).join(batch).encode()).hexdigest()[:16]}.cpp"
            file.write_text("".join(f'#include "{ROOT / source}"\n' for source in batch))
        said = self.tidy(file, flags)
        if said and len(batch) > 1:
            middle = len(batch) // 2
            return self.lint(batch[:middle]) | self.lint(batch[middle:])
        for source in batch:
            if not said and (key := self.key(source)):
                (self.results / "clean" / key).touch()
        return {source: said for source in batch}


def main() -> int:
    build, results = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    jobs = int(sys.argv[3]) if len(sys.argv) > 3 else os.cpu_count()
    part = sys.argv[4] if len(sys.argv) > 4 else ""
    linter = Linter(build, results)
    count = sum(part in source for source in linter.entries)
    batches = linter.batches(part)
    done, wrong = count - sum(map(len, batches)), {}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for said in pool.map(linter.lint, batches):
            for source, text in said.items():
                done += 1
                print(f"[{done}/{count}] {source}", flush=True)
                if text:
                    wrong[source] = text
    # At the end, where whoever looks at the log's last lines sees them.
    for source, text in wrong.items():
        print(f"{source}:\n{text}")
    print(f"{count - len(wrong)} passed, {len(wrong)} failed, 0 skipped")
    return 1 if wrong or not count else 0


if __name__ == "__main__":
    sys.exit(main())
