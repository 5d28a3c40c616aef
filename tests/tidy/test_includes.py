"""Who may include whom, and the one home of each library."""
import re
import unittest

import tree
from tree import Line, TreeTest

# Library -> the folders or files that may include it. Tests may include anything.
HOMES = {
    r"<caf/": r"actors/|simulations/|gateway/cluster/",
    r"<(capnp|kj)/|\.capnp\.h$": r"schemas/[a-z_]+_codec\.",
    r"<yaml-cpp/": r"schemas/yaml_tree\.cpp$",
    r"<boost/beast": r"gateway/http/",
    r"<boost/asio": r"gateway/http/|actors/outside/",
    r"<boost/test": r"$^",
    r"<sqlite3": r"actors/outside/store/",
    r"<openssl/": r"actors/outside/|base/sha256\.cpp$|gateway/api/embedding_text\.cpp$",
    r"<unicode/": r"shards/tokenizer/",
    r"<spdlog/": r"base/log\.cpp$",
    r"<zlib\.h": r"gateway/http/",
    r"<CLI/": r"cli/",
    r"<(cuda|nccl|cublas)": r"cuda/",
}


def broken_arrows(lines: list[Line]) -> list[str]:
    found = []
    for line in lines:
        what = tree.included(line)
        if not what or not what.startswith('"'):
            continue
        layer, to = line.path.split("/")[0], what[1:].split("/")[0]
        if to not in tree.LAYERS:
            found.append(f"{line}: a path must start at the root of the tree, with a layer")
        elif to not in tree.LAYERS[layer]:
            found.append(f"{line}: {layer} may not include {to}")
        elif to == "cuda" and layer != "cuda" and what != '"cuda/make_backend.hpp':
            found.append(f"{line}: cuda/make_backend.hpp is the one header of cuda that others may include")
    return found


def homeless(lines: list[Line]) -> list[str]:
    found = []
    for line in lines:
        what = tree.included(line)
        for library, home in HOMES.items():
            if what and re.search(library, what) and not re.match(home, line.path):
                found.append(f"{line}: its home is {home}")
    return found


class Includes(TreeTest):
    def test_arrows_between_layers_point_one_way(self):
        self.assert_none(broken_arrows(tree.code()))

    def test_each_library_has_one_home(self):
        self.assert_none(homeless(tree.code()))

    def test_a_wrong_arrow_is_seen(self):
        self.assert_none(broken_arrows([Line("gateway/a.hpp", 1, '#include "shards/x.hpp"')]))
        self.assertTrue(broken_arrows([Line("shards/a.hpp", 1, '#include "actors/x.hpp"')]))
        self.assertTrue(broken_arrows([Line("shards/a.hpp", 1, '#include "x.hpp"')]))
        self.assertTrue(broken_arrows([Line("cli/a.cpp", 1, '#include "cuda/kernels/x.hpp"')]))

    def test_a_library_away_from_home_is_seen(self):
        self.assert_none(homeless([Line("schemas/x_codec.cpp", 1, '#include "schemas/x.capnp.h"')]))
        self.assertTrue(homeless([Line("schemas/x.cpp", 1, '#include "schemas/x.capnp.h"')]))
        self.assertTrue(homeless([Line("gateway/api/x.cpp", 1, "#include <boost/beast/http.hpp>")]))
        self.assertTrue(homeless([Line("actors/x.cpp", 1, "# include <boost/test/unit_test.hpp>")]))


if __name__ == "__main__":
    unittest.main()
