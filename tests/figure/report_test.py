#!/usr/bin/env python3
"""Opens the page of `moesim report` in a headless Chromium: nothing on the console, no request, everything drawn, and the
numbers of the program.

usage: report_test.py PROGRAM SOURCE_DIR

Exit status 77: skipped, says why.
"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from browser import BROWSER, open_page, run_in_page

PROGRAM, SOURCE = sys.argv[1:3]
ROOT = ["--config-root", SOURCE]
SCENARIOS = ("paper_training", "paper_deepspeed", "mixtral_8x7b_h100_inference", "deepseek_moe_16b_h100")


def moesim(*words):
    return subprocess.run([PROGRAM, *map(str, words), *ROOT], capture_output=True, text=True, check=True, timeout=120).stdout


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.scratch.name)
        cls.pages = {}
        for name in SCENARIOS:
            cls.pages[name] = cls.folder / f"{name}.html"
            moesim("report", name, "-o", cls.pages[name])

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def ask(self, name, script):
        return run_in_page(self.pages[name], self.folder, script)

    def test_everything_is_drawn_without_errors_and_without_a_network(self):
        for name, page in self.pages.items():
            with self.subTest(scenario=name):
                self.assertLess(page.stat().st_size, 3_000_000)
                dom, console, requests = open_page(page, self.folder)
                self.assertEqual(console, [])
                self.assertEqual(requests, [])
                self.assertIn('data-drawn="yes"', dom)
                marks = self.ask(name, """
                    return Object.fromEntries(["breakdown", "topology", "timeline"].map((id) =>
                      [id, document.querySelectorAll(`#${id} .mark`).length]));""")
                self.assertGreaterEqual(marks["breakdown"], 6)
                self.assertGreaterEqual(marks["topology"], 16)
                self.assertGreaterEqual(marks["timeline"], 20)

    def test_a_name_cannot_break_out(self):
        scenario = self.folder / "hostile.yaml"
        scenario.write_text('base: paper_training\nname: "</script><img src=x onerror=console.error(1)>"\n')
        page = self.folder / "hostile.html"
        moesim("report", scenario, "-o", page)
        dom, console, requests = open_page(page, self.folder)
        self.assertEqual((console, requests), ([], []))
        self.assertIn('data-drawn="yes"', dom)
        self.assertNotIn("<img", dom)

    def test_the_timeline_zooms_and_moves(self):
        seen = self.ask("paper_training", """
            const ticks = () => [...document.querySelectorAll("#timeline svg .axis + text")].map((one) => one.textContent);
            const press = (label) => document.querySelector(`#timeline button[aria-label="${label}"]`).click();
            const key = (name) => document.querySelector("#timeline svg").dispatchEvent(new KeyboardEvent("keydown", {key: name}));
            const all = ticks();
            press("zoom in"); press("zoom in");
            const near = ticks();
            key("ArrowRight");
            const later = ticks();
            key("0");
            return {all, near, later, back: ticks()};""")
        self.assertNotEqual(seen["all"], seen["near"])
        self.assertNotEqual(seen["near"], seen["later"])
        self.assertEqual(seen["all"], seen["back"])


if __name__ == "__main__":
    if BROWSER is None:
        print("skipped: chromium is not installed (scripts/setup.sh test)")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
