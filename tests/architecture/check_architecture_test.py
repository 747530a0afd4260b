#!/usr/bin/env python3
"""Shows that check_architecture.py finds each kind of fault: small trees with one fault each."""

import tempfile
import unittest
from pathlib import Path

import check_architecture

ROOMS = "base;\ncluster;base\ncost;cluster\nmodel;base\n"
SOUND = {
    "src/base/CMakeLists.txt": "moesim_add_room(base HEADERS units.hpp\n  SOURCES units.cpp)\n",
    "src/cluster/CMakeLists.txt": "moesim_add_room(cluster HEADERS graph.hpp SOURCES graph.cpp USES base)\n",
    "src/cost/CMakeLists.txt": "moesim_add_room(cost HEADERS cost.hpp SOURCES cost.cpp USES cluster)\n",
    "src/model/CMakeLists.txt": "moesim_add_room(model HEADERS model.hpp USES base)\n",
    "include/moesim/base/units.hpp": "#pragma once\n#include <compare>\n",
    "include/moesim/cluster/graph.hpp": '#include "moesim/base/units.hpp"\n',
    "include/moesim/cost/cost.hpp": '#include "moesim/cluster/graph.hpp"\n#include "moesim/base/units.hpp"\n',
    "include/moesim/model/model.hpp": '#include "moesim/base/units.hpp"\n',
    "src/base/units.cpp": '#include "moesim/base/units.hpp"\n#include <fmt/format.h>\n',
    "src/cluster/graph.cpp": '#include "cluster/parts.hpp"\n#include <boost/graph/adjacency_list.hpp>\n',
    "src/cluster/parts.hpp": "#pragma once\n",
    "src/cost/cost.cpp": '#include "moesim/cost/cost.hpp"\n',
}


def faults(changes=None, rooms=ROOMS):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for name, text in {**SOUND, **(changes or {})}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return list(check_architecture.faults(root, check_architecture.read_rooms(rooms)))


class CheckArchitecture(unittest.TestCase):
    def assert_one(self, found, *words):
        self.assertEqual(len(found), 1, found)
        for word in words:
            self.assertIn(word, found[0])

    def test_sound_tree_has_no_fault(self):
        self.assertEqual(faults(), [])

    def test_include_upwards(self):
        changed = {"src/base/units.cpp": '\n#include "moesim/cost/cost.hpp"\n'}
        self.assert_one(faults(changed), "src/base/units.cpp:2", "cost")

    def test_include_sideways(self):
        changed = {"include/moesim/cost/cost.hpp": '#include "moesim/model/model.hpp"\n'}
        self.assert_one(faults(changed), "include/moesim/cost/cost.hpp:1", "model")

    def test_use_of_a_room_above(self):
        self.assert_one(faults(rooms=ROOMS.replace("base;\n", "base;cost\n", 1)), "base uses cost")

    def test_private_header_of_another_room(self):
        changed = {"src/cost/cost.cpp": '#include "cluster/parts.hpp"\n'}
        self.assert_one(faults(changed), "src/cost/cost.cpp:1", "private to cluster")

    def test_heavy_header_in_public(self):
        for heavy in ("boost/graph/x.hpp", "Eigen/Core", "yaml-cpp/yaml.h", "nlohmann/json.hpp", "CLI/CLI.hpp", "fmt/core.h"):
            changed = {"include/moesim/model/model.hpp": f"#include <{heavy}>\n"}
            self.assert_one(faults(changed), "model.hpp:1", heavy)

    def test_relative_include_in_public(self):
        changed = {"include/moesim/cluster/graph.hpp": '#include "parts.hpp"\n'}
        self.assert_one(faults(changed), "graph.hpp:1")

    def test_files_unknown_to_the_build(self):
        self.assert_one(faults({"src/cost/dead.cpp": "int x;\n"}), "src/cost/dead.cpp")
        self.assert_one(faults({"include/moesim/cost/dead.hpp": "\n"}), "cost/dead.hpp")
        self.assert_one(faults({"include/moesim/attic/old.hpp": "\n"}), "attic")
        self.assert_one(faults({"src/attic/old.cpp": "\n"}), "attic")

    def test_long_file(self):
        self.assertEqual(faults({"tests/cost/cost_test.cpp": "\n" * 400}), [])
        self.assert_one(faults({"tests/cost/cost_test.cpp": "\n" * 401}), "cost_test.cpp:401", "401 lines")

    def test_unfinished_work(self):
        for word in ("TO" + "DO", "FIX" + "ME", "XX" + "X"):
            self.assert_one(faults({"src/cluster/parts.hpp": f"\n// {word}: later\n"}), "parts.hpp:2", word)


if __name__ == "__main__":
    unittest.main()
