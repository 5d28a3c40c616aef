"""Actors get the outside through their constructor: no clock, randomness, thread, file or socket of their own, so that the
simulator can run them unchanged. actors/outside is where the seams meet the operating system, and actors/node puts a
process together from both."""
import re
import unittest

import tree
from tree import Line, TreeTest

ALLOWED = ("actors/outside/", "actors/node/")

OUTSIDE = [
    r"_clock::now\b",
    r"\bstd::(j?thread|async|this_thread|random_device|mt19937|[io]?fstream|filesystem)\b",
    r"#\s*include\s*<(thread|random|fstream|filesystem|sys/.*|unistd\.h|fcntl\.h|pthread\.h|signal\.h|boost/asio.*)>",
    r"(?<![\w:.>])(::)?(time|clock|rand|srand|getenv|socket|connect|fork|usleep|sleep|clock_gettime|gettimeofday)\s*\(",
    # CAF's own ways out (design: rules for CAF).
    r"\bcaf::(detached|blocking_event_based_actor|scoped_actor|event_based_actor_blocking)\b|\baout\b|\brun_scheduled\b",
    r"\bcaf::infinite\b",
]


def touches_outside(lines: list[Line]) -> list[str]:
    found = []
    for line in lines:
        if not line.path.startswith("actors/") or line.path.startswith(ALLOWED):
            continue
        text = line.text.split("//")[0]
        found += [f"{line}: use a seam" for pattern in OUTSIDE if re.search(pattern, text)]
    return found


class Seams(TreeTest):
    def test_actors_reach_the_outside_only_through_seams(self):
        self.assert_none(touches_outside(tree.code()))

    def test_each_way_out_is_seen(self):
        for text in [
            "auto now = std::chrono::steady_clock::now();",
            "std::thread t;",
            "std::random_device device;",
            "#include <fstream>",
            "#include <boost/asio/post.hpp>",
            "auto t = ::time(nullptr);",
            'getenv("HOME");',
            "self->request(a, caf::infinite, m);",
        ]:
            self.assertTrue(touches_outside([Line("actors/x/x.cpp", 1, text)]), text)
            self.assert_none(touches_outside([Line("actors/outside/x.cpp", 1, text)]))

    def test_what_only_looks_alike_is_left_alone(self):
        for text in ["auto left = clock_.now();", "run_time(3);", "self->clock().now();", "x.connect();", "// std::thread"]:
            self.assert_none(touches_outside([Line("actors/x/x.cpp", 1, text)]))


if __name__ == "__main__":
    unittest.main()
