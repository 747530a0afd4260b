#!/usr/bin/env python3
"""Opens every figure in a headless Chromium: nothing on the console, no request, marks drawn; SVG and PNG are pictures.

usage: browser_test.py PROGRAM SOURCE_DIR

MOESIM_RENDERER names a renderer elsewhere than SOURCE_DIR/build/figures. Exit status 77: skipped, says why.
"""

import html
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from browser import BROWSER, open_page

PROGRAM, SOURCE = sys.argv[1:3]
ROOT = ["--config-root", SOURCE]
RENDERER = Path(os.environ.get("MOESIM_RENDERER", Path(SOURCE) / "build" / "figures"))
# What is drawn: files by name, each the output of a command; OUT is the file, SAMPLES one of measured copies.
RESULTS = {
    "compare": ["compare", "paper_training", "--format", "json", "-o", "OUT"],
    "skewed": ["predict", "paper_skewed", "--format", "json", "-o", "OUT"],
    "explain": ["explain", "paper_training", "--format", "json", "-o", "OUT"],
    "validate": ["validate", "--format", "json", "-o", "OUT"],
    "bandwidth": ["sweep", "network_bandwidth", "-o", "OUT"],
    "experts": ["sweep", "routed_experts", "-o", "OUT"],
    "trace": ["predict", "paper_skewed", "--engine", "flow", "--set", "model.layers=2", "--trace", "OUT"],
    "residuals": ["calibrate", "SAMPLES", "--device", "h100_sxm", "--residuals", "OUT"],
    "search": ["search", "paper_inference", "--pareto", "--format", "csv", "-o", "OUT"],
}
# Figures: (result, options of plot, class of Vega's group of marks, how many it has at least).
FIGURES = {
    "breakdown": ("compare", [], "mark-rect", 10),
    "sensitivity": ("explain", [], "mark-rect", 10),
    "measured": ("validate", [], "mark-symbol", 20),
    "speedup": ("bandwidth", ["--x", "cluster.nic.bandwidth_Bps"], "mark-line", 2),
    "heat_map": ("experts", [], "mark-rect", 20),
    "roofline": ("compare", ["--figure", "roofline"], "mark-symbol", 20),
    "expert_load": ("skewed", ["--figure", "expert_load"], "mark-rect", 90),
    "residuals": ("residuals", [], "mark-symbol", 50),
    "pareto": ("search", [], "mark-symbol", 5),
    "timeline": ("trace", [], "mark-rect", 50),
    "links": ("trace", ["--figure", "links"], "mark-rect", 100),
}
# Shows pages in frames, each a document of its own under its own policy, and then their elements as text. Starting the
# browser takes longer than drawing.
GALLERY = """<!DOCTYPE html><html><head><meta charset="utf-8"><link rel="icon" href="data:,"></head><body>{frames}<script>
const frames = [...document.querySelectorAll('iframe')];
const timer = setInterval(() => {{
  if (!frames.every(frame => frame.contentDocument?.documentElement?.dataset.drawn)) return;
  clearInterval(timer);
  for (const frame of frames) {{
    for (const script of frame.contentDocument.querySelectorAll('script')) script.remove();
    const text = document.createElement('pre');
    text.id = frame.name;
    text.textContent = frame.contentDocument.documentElement.outerHTML;
    frame.replaceWith(text);
  }}
}}, 50);
</script></body></html>"""


def run(*words):
    return subprocess.run([PROGRAM, *map(str, words), *ROOT], capture_output=True, text=True, check=False, timeout=120)


def each(function, items):
    """Two at a time: what is computed and drawn are processes of their own."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(function, items))


class Figures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.scratch.name)

        samples = cls.folder / "samples.csv"
        sizes = [10 ** (4 + 5 * i / 60) for i in range(60)]
        samples.write_text("kernel,dtype,m,n,k,bytes,time_us\n" + "".join(
            f"copy,bf16,,,,{size:.0f},{(2 + size / 2.5e6) * (1 + 0.02 * (i % 5)):.4f}\n" for i, size in enumerate(sizes)))
        paths = {"SAMPLES": samples}

        def compute(name):
            result = run(*(paths.get(word, cls.folder / name if word == "OUT" else word) for word in RESULTS[name]))
            if result.returncode not in (0, 3):  # 3: validate, out of tolerance
                raise RuntimeError(result.stderr)

        each(compute, RESULTS)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def plot(self, name, ending):
        out = self.folder / f"{name}{ending}"
        result, options, _, _ = FIGURES[name]
        plotted = run("plot", self.folder / result, *options, "-o", out, "--renderer", RENDERER)
        self.assertEqual(plotted.returncode, 0, plotted.stderr)
        return out

    def open(self, page):
        """The page's elements once it is drawn, and what the console said."""
        return open_page(page, self.folder, budget_ms=20000)

    def test_pages_draw_their_marks_without_errors_and_without_a_network(self):
        pages = dict(zip(FIGURES, each(lambda name: self.plot(name, ".html"), FIGURES)))
        frames = "".join(f'<iframe name="{name}" srcdoc="{html.escape(page.read_text(encoding="utf-8"))}"></iframe>'
                         for name, page in pages.items())
        gallery = self.folder / "gallery.html"
        gallery.write_text(GALLERY.format(frames=frames), encoding="utf-8")
        dom, console, requests = self.open(gallery)
        self.assertEqual(console, [])
        self.assertEqual(requests, [])
        documents = {name: html.unescape(text) for name, text in re.findall(r'<pre id="(\w+)">(.*?)</pre>', dom, re.DOTALL)}
        for name, (_, _, mark, least) in FIGURES.items():
            with self.subTest(figure=name):
                self.assertLess(pages[name].stat().st_size, 3_000_000)
                self.assertIn('data-drawn="yes"', documents.get(name, ""))
                drawn = sum(group.count("<path") for group in
                            re.findall(rf'<g class="{mark} role-mark[^"]*".*?</g>', documents[name], re.DOTALL))
                self.assertGreaterEqual(drawn, least)

    def test_a_page_by_itself(self):
        dom, console, requests = self.open(self.plot("sensitivity", ".html"))
        self.assertIn('data-drawn="yes"', dom)
        self.assertEqual((console, requests), ([], []))

    def test_a_page_that_asks_for_more_is_found_out(self):
        page = self.plot("sensitivity", ".html")
        broken = self.folder / "broken.html"
        broken.write_text(page.read_text().replace("</body>", '<img src="http://127.0.0.1:9/x.png"></body>'))
        _, console, _ = self.open(broken)
        self.assertTrue(any("Content Security Policy" in line for line in console), console)

    def test_pictures(self):
        vector = dict(zip(FIGURES, each(lambda name: self.plot(name, ".svg"), FIGURES)))
        for name, picture in vector.items():
            with self.subTest(figure=name):
                root = ElementTree.parse(picture).getroot()
                self.assertTrue(root.tag.endswith("svg"))
                self.assertGreater(len(list(root.iter("{http://www.w3.org/2000/svg}path"))), 10)
        self.assertEqual(self.plot("sensitivity", ".png").read_bytes()[:8], b"\x89PNG\r\n\x1a\n")


class WithoutRenderer(unittest.TestCase):
    def test_the_specification_is_written_instead(self):
        with tempfile.TemporaryDirectory() as folder:
            result = Path(folder) / "compare.json"
            run("compare", "paper_training", "--format", "json", "-o", result)
            plotted = run("plot", result, "-o", Path(folder) / "figure.svg", "--renderer", folder)
            self.assertEqual(plotted.returncode, 1)
            self.assertIn("scripts/setup.sh figures", plotted.stderr)
            spec = json.loads((Path(folder) / "figure.vl.json").read_text())
            self.assertIn("layer", spec)
            self.assertFalse((Path(folder) / "figure.svg").exists())

    def test_unknown_endings_are_refused(self):
        result = run("plot", "x.json", "-o", "figure.gif")
        self.assertEqual(result.returncode, 2)
        self.assertIn(".svg", result.stderr)


if __name__ == "__main__":
    missing = [what for what, there in (("chromium", BROWSER), (f"the renderer in {RENDERER}", (RENDERER / "vega.js").exists()))
               if not there]
    if missing:
        print(f"skipped: {' and '.join(missing)} not installed (scripts/setup.sh test)")
        del Figures
    passed = unittest.main(argv=sys.argv[:1], exit=False).result.wasSuccessful()
    sys.exit(1 if not passed else 77 if missing else 0)
