#!/usr/bin/env python3
"""A sweep over four ranks of this machine gives the bytes of one process, and goes on when a rank was killed.

usage: mpi_test.py MPIRUN MOESIM SOURCE_DIR
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

MPIRUN, MOESIM, SOURCE = sys.argv[1:4]
SWEEP = """name: ranks
scenario: paper_training
axes:
  - {key: model.moe.top_k, from: 1, to: 8, step: 1}
  - {key: workload.micro_batch, values: [1, 2, 3]}
  - {key: variants.bigmac.model.moe.low_rank_ratio, from: 0.1, to: 0.5, count: %d}
"""


def environment():
    return {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def command(*words, ranks=4):
    launch = [MPIRUN, "-n", str(ranks), "--oversubscribe"] if ranks > 1 else []
    return [*launch, MOESIM, "sweep", "--config-root", SOURCE, *map(str, words)]


class Ranks(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def sweep(self, values):
        file = self.folder / "ranks.yaml"
        file.write_text(SWEEP % values, encoding="utf-8")
        return file

    def run_it(self, *words, ranks=4):
        return subprocess.run(command(*words, ranks=ranks), capture_output=True, text=True, check=False, timeout=120,
                              env=environment())

    def test_four_ranks_write_what_one_process_writes(self):
        sweep = self.sweep(50)
        one, four = self.folder / "one.csv", self.folder / "four.csv"
        self.assertEqual(self.run_it(sweep, "-o", one, "--jobs", "1", ranks=1).returncode, 0)
        result = self.run_it(sweep, "-o", four)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(four.read_bytes(), one.read_bytes())
        self.assertEqual(result.stderr.count("rows"), 1)

    def test_a_mistake_is_reported_once(self):
        result = self.run_it(self.folder / "absent.yaml", "-o", self.folder / "out.csv")
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual(result.stderr.count("does not exist"), 1, result.stderr)

    def test_a_dead_rank_is_reported_and_its_points_are_resumed(self):
        sweep = self.sweep(2000)
        one, four = self.folder / "one.csv", self.folder / "four.csv"
        self.assertEqual(self.run_it(sweep, "-o", one, ranks=1).returncode, 0)
        with subprocess.Popen(command(sweep, "-o", four), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              env=environment()) as run:
            checkpoint = Path(str(four) + ".checkpoint")
            while not checkpoint.exists() and run.poll() is None:
                time.sleep(0.02)
            children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(run.pid)], capture_output=True, text=True,
                                      check=True).stdout.split()
            if run.poll() is None:
                os.kill(int(children[-1]), signal.SIGKILL)
            errors = run.stderr.read()
        if run.returncode != 0:  # else it was faster than the kill
            self.assertIn("rank", errors)
            self.assertFalse(four.exists())
        result = self.run_it(sweep, "-o", four, "--resume")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(four.read_bytes(), one.read_bytes())


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
