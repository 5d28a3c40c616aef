"""Documents and texts: links that lead somewhere, a README in each folder, nothing of one machine, headers as agreed."""
import pathlib
import re
import unittest

import tree
from tree import ROOT, Line, TreeTest

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+\s+(.*)$")
# Home and work folders of some machine. A document says ~, $HOME or "a folder".
MACHINE_PATH = re.compile(r"(?<![\w.~$}\"'*])/(work|root|home|Users|tmp|mnt)/[A-Za-z0-9_.]")
FOLDERS_WITH_README = [
    *(layer for layer in tree.LAYERS if (ROOT / layer).is_dir()),
    "cluster-config", "cmake", "docs", "models", "tests",
]


def anchors(text: str) -> set[str]:
    """The names that a Markdown file's headings can be linked by, as GitHub and GitLab make them."""
    found = set()
    for line in text.split("\n"):
        if match := HEADING.match(line):
            kept = re.sub(r"[^\w\- ]", "", match.group(1).strip().lower())
            found.add(kept.replace(" ", "-"))
    return found


def dead_links(lines: list[Line], root: pathlib.Path = ROOT) -> list[str]:
    found = []
    fenced = False
    for line in lines:
        if line.number == 1:
            fenced = False
        if line.text.lstrip().startswith("```"):
            fenced = not fenced
        if fenced:
            continue
        for target in LINK.findall(re.sub(r"`[^`]*`", "", line.text)):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            file = (root / line.path).parent / path if path else root / line.path
            if not file.exists():
                found.append(f"{line}: there is no {target}")
            elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text(encoding="utf-8")):
                found.append(f"{line}: there is no heading for {target}")
    return found


def machine_paths(lines: list[Line]) -> list[str]:
    return [str(line) for line in lines if MACHINE_PATH.search(line.text)]


class Texts(TreeTest):
    def test_links_between_documents_lead_somewhere(self):
        self.assert_none(dead_links(tree.lines(tree.files(".md"))))

    def test_a_dead_link_is_seen(self):
        self.assertTrue(dead_links([Line("docs/x.md", 1, "see [this](no-such-file.md)")]))
        self.assertTrue(dead_links([Line("cluster-config/README.md", 1, "[x](../docs/configuration.md#no-such-heading)")]))
        self.assert_none(dead_links([Line("cluster-config/README.md", 1, "[x](../docs/configuration.md#the-file)")]))
        self.assert_none(dead_links([Line("docs/x.md", 1, "`[a](b)` and [web](https://example.org)")]))

    def test_no_file_names_a_folder_of_one_machine(self):
        this = pathlib.Path(__file__).resolve().relative_to(ROOT).as_posix()
        self.assert_none(machine_paths(tree.lines(path for path in tree.files() if path != this)))

    def test_a_folder_of_one_machine_is_seen(self):
        self.assertTrue(machine_paths([Line("x.md", 1, "cd /root/src")]))
        self.assertTrue(machine_paths([Line("x.cpp", 1, "// from /work/shared/data")]))
        self.assert_none(machine_paths([Line("x.md", 1, "in ~/work/x, docs/root/x and https://a.b/root/c")]))

    def test_every_layer_has_a_readme(self):
        self.assert_none([folder for folder in FOLDERS_WITH_README if not (ROOT / folder / "README.md").is_file()])

    def test_headers_start_with_what_they_are(self):
        bad = []
        for path in [p for layer in tree.LAYERS for p in tree.files(".hpp", under=layer)]:
            text = (ROOT / path).read_text(encoding="utf-8")
            if not text.startswith("//"):
                bad.append(f"{path}: has no comment at its top")
            if "#pragma once" not in text:
                bad.append(f"{path}: has no #pragma once")
        self.assert_none(bad)

    def test_nothing_is_left_to_fix(self):
        word = "FIX" + "ME"
        self.assert_none([str(line) for line in tree.code() if word in line.text])


if __name__ == "__main__":
    unittest.main()
