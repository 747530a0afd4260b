#!/usr/bin/env python3
"""Opens the page of `moesim report` in a headless Chromium: nothing on the console, no request, everything drawn, and the
numbers of the program.

usage: report_test.py PROGRAM SOURCE_DIR

Exit status 77: skipped, says why.
"""

import json
import math
import re
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


def seconds(value):
    """Four digits and the unit that fits, as the page writes a time."""
    size, unit = next(((size, unit) for size, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "\u00b5s")) if value >= size), (1e-9, "ns"))
    decimals = max(0, 3 - math.floor(math.log10(value / size)))
    return f"{value / size:.{decimals}f} {unit}"


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

    def test_every_slider_moves_the_numbers(self):
        for name, page in self.pages.items():
            with self.subTest(scenario=name):
                seen = self.ask(name, """
                    const rows = () => document.querySelector("#what-if tbody").textContent;
                    const chart = () => document.querySelector("#what-if svg").outerHTML;
                    const move = (slider, to) => { slider.value = to; slider.dispatchEvent(new Event("input")); };
                    const home = rows();
                    const sliders = [...document.querySelectorAll("#what-if input[type=range]")].map((slider) => {
                      const at = slider.value, drawn = chart();
                      move(slider, at === slider.min ? slider.max : slider.min);
                      const seen = {id: slider.id, numbers: rows() !== home, chart: chart() !== drawn,
                        label: document.querySelector(`label[for=${slider.id}]`).textContent, says: slider.getAttribute("aria-valuetext")};
                      move(slider, at);
                      return seen;
                    });
                    return {sliders, back: rows() === home};""")
                self.assertGreaterEqual(len(seen["sliders"]), 4)
                self.assertTrue(seen["back"])
                for slider in seen["sliders"]:
                    self.assertTrue(slider["numbers"] and slider["chart"] and slider["label"] and slider["says"], slider)

    def test_numbers_at_a_stop_are_those_of_compare(self):
        """The page says which command gives the same; it does, to the digits shown."""
        for name, stops in (("paper_training", {"bandwidth": 12, "ep": 4, "top_k": 2, "batch": 2, "low_rank_ratio": 1}),
                            ("mixtral_8x7b_h100_inference", {"ep": 2, "top_k": 2, "batch": 1, "low_rank_ratio": 0})):
            with self.subTest(scenario=name):
                seen = self.ask(name, f"""
                    for (const [name, to] of Object.entries({json.dumps(stops)})) {{
                      const slider = document.getElementById(`slider-${{name}}`);
                      slider.value = to;
                      slider.dispatchEvent(new Event("input"));
                    }}
                    return {{command: document.getElementById("what-if-command").textContent,
                      names: [...document.querySelectorAll("#what-if thead th")].slice(1).map((head) => head.textContent),
                      rows: Object.fromEntries([...document.querySelectorAll("#what-if tbody tr")].map((row) =>
                        [row.cells[0].textContent, [...row.cells].slice(1).map((cell) => cell.textContent)]))}};""")
                words = seen["command"].split()
                self.assertEqual(words[:2], ["moesim", "compare"])
                self.assertGreaterEqual(words.count("--set"), len(stops))
                whole = json.loads(moesim(*words[1:], "--format", "json"))["variants"]
                self.assertEqual(seen["names"], [one["name"] for one in whole])
                for v, one in enumerate(whole):
                    shown = {row: cells[v] for row, cells in seen["rows"].items()}
                    inference = one["mode"] == "inference"
                    self.assertTrue(shown["time of the run" if inference else "step time"].startswith(seconds(one["step_time_s"])), shown)
                    self.assertEqual(shown["all-to-all on the critical path"],
                                     f'{seconds(one["all_to_all_s"])}{100 * one["all_to_all_share"]:.1f} %')
                    self.assertTrue(shown["memory per GPU"].startswith(f'{one["memory_per_gpu_B"] / 1e9:.4g} GB'), shown)
                    self.assertEqual(shown["tokens per second"].replace(",", ""), f'{one["tokens_per_s"]:.4g}' if one["tokens_per_s"] < 1000
                                     else f'{one["tokens_per_s"]:.0f}')
                    if v > 0:
                        lo, hi = one["speedup_interval"]
                        self.assertEqual(shown["speed-up"], f'{one["speedup"]:.2f} ×{lo:.2f} – {hi:.2f} ×')
                    if inference:
                        self.assertEqual(shown["time to the first token"], seconds(one["prefill_s"]))
                        self.assertEqual(shown["time per generated token"], seconds(one["decode_token_s"]))

    def test_between_bandwidths_it_is_near_and_says_how_near(self):
        seen = self.ask("paper_training", """
            const slider = document.getElementById("slider-bandwidth");
            slider.value = 25;
            slider.dispatchEvent(new Event("input"));
            const text = document.querySelector("#what-if p").textContent;
            const {data: grid} = {data: new Grid(data.what_if)};
            const at = grid.at(grid.axes.map((axis) => axis.now), 1.25e8 * 423.5);
            return {text, times: at.variants.map((one) => one.time)};""")
        stated = float(re.search(r"worst error is ([0-9.]+) % of a time", seen["text"])[1]) / 100
        self.assertLess(stated, 0.01)
        whole = json.loads(moesim("compare", "paper_training", "--set", "cluster.nic.bandwidth=423.5Gbps", "--format", "json"))
        for shown, one in zip(seen["times"], whole["variants"], strict=True):
            self.assertAlmostEqual(shown / one["step_time_s"], 1, delta=0.01)

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
