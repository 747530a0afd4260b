#!/usr/bin/env python3
"""Elasticities of `moesim explain` against whole runs of `moesim predict` with other inputs.

usage: explain_test.py PROGRAM SOURCE_DIR
"""

import csv
import io
import json
import math
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM, SOURCE = sys.argv[1:3]
ROOT = ["--config-root", SOURCE]
STEP = 1.01
TIMES_OF_LINKS = r"(?:[a-z_.]*\.)?(?:startup|startup_per_round|simple_startup|bend)"
TIMES_OF_KERNELS = r"[a-z_]+_s"


def moesim(*words):
    return subprocess.run([PROGRAM, *map(str, words), *ROOT], capture_output=True, text=True, check=True, timeout=120).stdout


def step_time(scenario, variant, settings):
    sets = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    return json.loads(moesim("predict", scenario, "--variant", variant, *sets, "--format", "json"))["step_time_s"]


def better(value, factor):
    """A quantity in SI units, as explain prints it: rates go up, times down."""
    number, unit = re.fullmatch(r"([0-9.e+-]+)(B/s|FLOPS|s)", value).groups()
    return f"{float(number) / factor if unit == 's' else float(number) * factor!r}{unit}"


def divided(calibration, pattern, factor, folder):
    """A copy of a calibration with the coefficients that match divided."""
    lines = (Path(SOURCE) / "calibration" / f"{calibration}.yaml").read_text().splitlines()
    out = [re.sub(rf"^(\s*{pattern}: )([0-9.e+-]+)$", lambda m: f"{m[1]}{float(m[2]) / factor!r}", line) for line in lines]
    if out == lines:
        raise ValueError(f"{calibration} has no such coefficients")
    file = Path(folder) / f"{calibration}.yaml"
    file.write_text("\n".join(out) + "\n")
    return file


class Explain(unittest.TestCase):
    def check(self, scenario, variant):
        explained = json.loads(moesim("explain", scenario, "--variant", variant, "--format", "json"))
        self.assertAlmostEqual(explained["step_time_s"], step_time(scenario, variant, {}))
        compared = 0
        for resource in explained["resources"]:
            if not resource["independent"] or not resource["settings"]:
                continue
            ends = [step_time(scenario, variant, {key: better(value, factor) for key, value in resource["settings"].items()})
                    for factor in (1 / STEP, STEP)]
            self.assertAlmostEqual(resource["elasticity"], math.log(ends[0] / ends[1]) / (2 * math.log(STEP)), places=9,
                                   msg=resource["name"])
            compared += 1
        self.assertGreater(compared, 5)
        self.assertAlmostEqual(sum(r["elasticity"] for r in explained["resources"] if r["independent"]), 1, delta=5e-3)

    def test_training_elasticities_are_differences_of_whole_runs(self):
        self.check("paper_training", "bigmac")

    def test_inference_elasticities_are_differences_of_whole_runs(self):
        self.check("mixtral_8x7b_h100_inference", "vanilla")

    def test_fixed_times_of_laws_are_differences_of_runs_with_other_calibrations(self):
        explained = json.loads(moesim("explain", "paper_training", "--variant", "bigmac", "--format", "json"))
        elasticity = {resource["name"]: resource["elasticity"] for resource in explained["resources"]}
        for name, key, calibration, pattern in (
                ("collective_startup", "cluster.calibration", "links_pcie_nic", TIMES_OF_LINKS),
                ("kernel_overhead", "cluster.device.calibration", "a40", TIMES_OF_KERNELS)):
            with tempfile.TemporaryDirectory() as folder:
                ends = []
                for factor in (1 / STEP, STEP):
                    file = divided(calibration, pattern, factor, folder)
                    ends.append(step_time("paper_training", "bigmac", {key: file}))
            self.assertAlmostEqual(elasticity[name], math.log(ends[0] / ends[1]) / (2 * math.log(STEP)), places=9, msg=name)
            self.assertGreater(elasticity[name], 0)

    def test_doubled_and_removed_are_whole_runs(self):
        explained = json.loads(moesim("explain", "paper_training", "--format", "json"))
        nic = explained["resources"][0]
        self.assertEqual(nic["name"], "nic_bandwidth")
        for key, factor in (("doubled_step_time_s", 2), ("removed_step_time_s", 100)):
            setting = {"cluster.nic.bandwidth": better(nic["settings"]["cluster.nic.bandwidth"], factor)}
            self.assertAlmostEqual(nic[key], step_time("paper_training", "fine_grained", setting))

    def test_critical_path_adds_up_and_csv_agrees(self):
        words = ("explain", "paper_training")
        explained = json.loads(moesim(*words, "--format", "json"))
        self.assertAlmostEqual(sum(part["time_s"] for part in explained["critical_path"]), explained["step_time_s"])
        self.assertEqual(explained["sentences"][0][:8], "The step")
        rows = list(csv.DictReader(io.StringIO(moesim(*words, "--format", "csv"))))
        self.assertEqual([row["resource"] for row in rows], [resource["name"] for resource in explained["resources"]])
        for row, resource in zip(rows, explained["resources"]):
            self.assertEqual(float(row["elasticity"]), resource["elasticity"])

    def test_standard_input_is_refused(self):
        result = subprocess.run([PROGRAM, "explain", "-", *ROOT], input="", capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn("standard input", result.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
