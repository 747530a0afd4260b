#!/usr/bin/env python3
"""Runs the program as users and scripts do: help, exit statuses, JSON keys, CSV columns, bad input.

usage: program_test.py PROGRAM SOURCE_DIR VERSION [unittest options]
"""

import csv
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM, SOURCE, VERSION = sys.argv[1:4]
SCENARIOS = Path(SOURCE) / "configs" / "scenarios"
TRAINING = str(SCENARIOS / "paper_training.yaml")
INFERENCE = str(SCENARIOS / "paper_inference.yaml")
ROOT = ["--config-root", SOURCE]  # the program under test may be built anywhere

PREDICT_KEYS = {"scenario", "mode", "engine", "step_time_s", "interval_s", "tokens_per_s", "tflops_per_gpu", "mfu",
                "all_to_all_share", "exposed_communication_s", "breakdown", "memory_per_gpu_B", "fits", "calibration"}
COLLECTIVE_KEYS = {"collective", "ranks", "engine", "time_s", "interval_s", "algbw_Bps", "busbw_Bps", "bottleneck", "links"}


def run(*words, stdin=None, env=None):
    return subprocess.run([PROGRAM, *map(str, words)], input=stdin, capture_output=True, text=True, check=False, timeout=120,
                          env=None if env is None else {**os.environ, **env})


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def strict_json(text):
    """JSON has neither NaN nor Infinity, though Python would read them."""

    def refuse(word):
        raise ValueError(f"{word} in JSON")

    return json.loads(text, parse_constant=refuse)


def commands_of(page):
    """Names below the line "commands" of a help page."""
    block = re.search(r"^commands\n((?:  .*\n)+)", page, re.MULTILINE)
    return re.findall(r"^  (\w+)", block.group(1), re.MULTILINE) if block else []


class Case(unittest.TestCase):
    def ok(self, *words, **kwargs):
        result = run(*words, **kwargs)
        self.assertEqual(result.returncode, 0, f"moesim {' '.join(map(str, words))}\n{result.stderr}")
        return result.stdout

    def json(self, *words, **kwargs):
        return strict_json(self.ok(*words, "--format", "json", **kwargs))

    def refused(self, *words, status=2, **kwargs):
        result = run(*words, **kwargs)
        self.assertEqual(result.returncode, status, f"moesim {' '.join(map(str, words))}\n{result.stderr}")
        self.assertEqual(result.stdout, "")
        self.assertNotEqual(result.stderr, "")
        return result.stderr


class Help(Case):
    def test_every_command_of_the_top_page_has_a_page_with_examples(self):
        commands = commands_of(self.ok("--help"))
        self.assertLessEqual({"predict", "compare", "collective", "kernel", "list"}, set(commands))
        pages = [[command] for command in commands]
        pages += [["kernel", kernel] for kernel in commands_of(self.ok("kernel", "--help"))]
        self.assertGreater(len(pages), 10)
        for words in pages:
            page = self.ok(*words, "--help")
            self.assertIn("usage: moesim " + " ".join(words), page)
            self.assertIn("\nexamples\n", page)

    def test_version_is_that_of_cmake(self):
        self.assertEqual(self.ok("--version"), VERSION + "\n")
        self.assertEqual(self.ok("predict", "--version"), VERSION + "\n")


class ExitStatus(Case):
    def test_wrong_command_lines_are_2_and_helpful(self):
        self.assertIn("a command is missing", self.refused())
        self.assertIn("did you mean predict?", self.refused("predcit", TRAINING))
        self.assertIn("did you mean --format?", self.refused("predict", TRAINING, "--fromat", "json"))
        self.assertIn("SCENARIO: is missing", self.refused("predict"))
        self.assertIn("one of: table, json, csv", self.refused("predict", TRAINING, "--format", "xml"))
        self.assertIn("one of: analytic", self.refused("predict", TRAINING, "--engine", "guess"))
        self.assertIn("there is no such variant", self.refused("predict", TRAINING, "--variant", "big_mac"))
        self.assertIn("did you mean paper_training?", self.refused("predict", "paper_trainign", *ROOT))
        self.assertIn("--seed", self.refused("predict", TRAINING, "--seed", "-1"))

    def test_wrong_files_are_2(self):
        self.refused("predict", "no/such.yaml")
        self.refused("predict", SOURCE)
        self.refused("predict", PROGRAM)
        self.refused("compare", TRAINING, "no/such.yaml")
        self.refused("predict", "-", stdin="{")
        self.refused("predict", "-", stdin="")

    def test_wrong_override_is_reported_as_such(self):
        self.assertIn("--set:1", self.refused("predict", TRAINING, "--set", "no_such_key=1"))

    def test_what_cannot_be_written_is_1(self):
        self.refused("list", "kernels", "-o", "/no/such/folder/x", status=1)
        self.refused("list", "kernels", "-o", "/dev/full", status=1)
        for redirection in (">/dev/full", ">&-"):
            result = subprocess.run(["bash", "-c", f'"$0" list kernels {redirection}', PROGRAM], capture_output=True, text=True,
                                    check=False)
            self.assertEqual(result.returncode, 1, redirection)
            self.assertIn("standard output: cannot be written", result.stderr)

    def test_closed_pipe_is_1_and_no_signal(self):
        reader, writer = os.pipe()
        os.close(reader)
        result = subprocess.run([PROGRAM, "--help"], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
        os.close(writer)
        self.assertEqual(result.returncode, 1)
        self.assertIn("cannot be written", result.stderr)

    def test_wrong_input_leaves_the_output_file_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "out.json"
            target.write_text("before")
            self.refused("predict", TRAINING, "--set", "nonsense=1", "-o", target)
            self.assertEqual(target.read_text(), "before")
            self.ok("predict", TRAINING, "--format", "json", "-o", target)
            strict_json(target.read_text())
            self.assertEqual(os.listdir(folder), ["out.json"])

    def test_problems_end_with_their_number(self):
        self.assertRegex(self.refused("predict", "--format", "xml"), r"moesim: 2 problems in the input\n$")


class Predict(Case):
    def test_training_has_the_keys_of_the_contract(self):
        result = self.json("predict", TRAINING)
        self.assertLessEqual(PREDICT_KEYS, set(result))
        self.assertEqual(result["mode"], "training")
        self.assertEqual(result["engine"], "analytic")
        low, high = result["interval_s"]
        self.assertTrue(0 < low <= result["step_time_s"] <= high)
        total = sum(entry["time_s"] for entry in result["breakdown"])
        self.assertAlmostEqual(total / result["step_time_s"], 1, places=9)
        self.assertTrue(0 <= result["all_to_all_share"] <= 1)
        self.assertTrue(result["assumptions"])
        self.assertTrue(result["calibration"])
        self.assertTrue(any(file["path"].endswith("paper_training.yaml") for file in result["provenance"]["inputs"]))
        self.assertEqual(result["provenance"]["version"], VERSION)

    def test_inference_adds_its_keys(self):
        result = self.json("predict", INFERENCE)
        self.assertLessEqual(PREDICT_KEYS | {"prefill_s", "decode_token_s", "throughput_tokens_per_s"}, set(result))
        self.assertEqual(result["mode"], "inference")

    def test_table_and_csv_say_the_same(self):
        result = self.json("predict", TRAINING)
        row, = rows_of(self.ok("predict", TRAINING, "--format", "csv"))
        self.assertEqual(float(row["step_time_s"]), result["step_time_s"])
        self.assertEqual(float(row["memory_per_gpu_B"]), result["memory_per_gpu_B"])
        self.assertEqual(row["fits"], str(result["fits"]).lower())
        table = self.ok("predict", TRAINING)
        for words in ("step time", "all-to-all", "Where the time goes", "Memory of the fullest GPU", "Assumptions"):
            self.assertIn(words, table)
        self.assertNotIn("\x1b", table)  # no colours where there is no terminal

    def test_standard_input_is_a_scenario_too(self):
        dumped = self.ok("predict", TRAINING, "--dump-scenario")
        from_pipe = self.json("predict", "-", stdin=dumped)
        self.assertEqual(from_pipe["step_time_s"], self.json("predict", TRAINING)["step_time_s"])

    def test_names_of_shipped_scenarios_are_enough(self):
        self.assertEqual(self.json("predict", "paper_training", *ROOT)["step_time_s"],
                         self.json("predict", TRAINING)["step_time_s"])

    def test_same_seed_gives_the_same_bytes(self):
        words = ["predict", SCENARIOS / "paper_skewed.yaml", "--format", "json", "--seed", "7"]
        self.assertEqual(self.ok(*words), self.ok(*words))

    def test_note_says_that_there_are_more_variants(self):
        self.assertIn("--variant", run("predict", TRAINING).stderr)
        self.assertEqual(run("predict", TRAINING, "--variant", "bigmac").stderr, "")


class Compare(Case):
    def test_keys_and_speedup(self):
        result = self.json("compare", TRAINING)
        self.assertEqual(result["baseline"], "fine_grained")
        names = [variant["name"] for variant in result["variants"]]
        self.assertEqual(names[:2], ["fine_grained", "bigmac"])
        for variant in result["variants"]:
            self.assertLessEqual(PREDICT_KEYS | {"speedup", "speedup_interval"}, set(variant))
        first, second = result["variants"][:2]
        self.assertEqual(first["speedup"], 1)
        self.assertAlmostEqual(second["speedup"], first["step_time_s"] / second["step_time_s"], places=12)
        low, high = second["speedup_interval"]
        self.assertTrue(low <= second["speedup"] <= high)

    def test_predict_and_compare_agree(self):
        compared = self.json("compare", TRAINING)["variants"][1]
        predicted = self.json("predict", TRAINING, "--variant", "bigmac")
        self.assertEqual(compared["step_time_s"], predicted["step_time_s"])

    def test_baseline_can_be_named(self):
        result = self.json("compare", TRAINING, "--baseline", "bigmac")
        self.assertEqual(result["baseline"], "bigmac")
        self.assertLess(result["variants"][0]["speedup"], 1)
        self.assertIn("did you mean bigmac?", self.refused("compare", TRAINING, "--baseline", "bigmca"))

    def test_several_files(self):
        result = self.json("compare", TRAINING, TRAINING)
        names = [variant["name"] for variant in result["variants"]]
        self.assertEqual(len(names), len(set(names)))
        self.refused("compare", TRAINING, INFERENCE)
        self.refused("compare", TRAINING, TRAINING, "--dump-scenario")

    def test_table_of_inference(self):
        table = self.ok("compare", INFERENCE)
        for words in ("prefill", "decode", "scored tokens/s", "speed-up"):
            self.assertIn(words, table)

    def test_csv_has_one_row_a_variant(self):
        rows = rows_of(self.ok("compare", TRAINING, "--format", "csv"))
        self.assertEqual([row["name"] for row in rows][:2], ["fine_grained", "bigmac"])
        self.assertEqual(float(rows[0]["speedup"]), 1)


class Collective(Case):
    ON_REFERENCE = ["collective", "all_to_all", "--cluster", "reference_shared_nic", "--ideal", *ROOT]

    def test_keys_and_the_hand_worked_time(self):
        # 4 machines x 8 GPUs, 64 MiB a rank, 2 MiB a pair: 8 x 24 pairs of 2 MiB leave each machine through 12.5 GB/s.
        result = self.json(*self.ON_REFERENCE, "--bytes-per-rank", "64MiB")
        self.assertLessEqual(COLLECTIVE_KEYS, set(result))
        expected = 8 * 24 * 2 * 2**20 / 12.5e9
        self.assertAlmostEqual(result["time_s"] / expected, 1, places=12)
        self.assertEqual(result["interval_s"], [result["time_s"]] * 2)
        self.assertEqual(result["ranks"], 32)
        self.assertAlmostEqual(result["algbw_Bps"] / (64 * 2**20 / expected), 1, places=12)
        self.assertAlmostEqual(result["busbw_Bps"] / result["algbw_Bps"], 31 / 32, places=12)
        self.assertAlmostEqual(result["bottleneck"]["utilization"], 1, places=12)
        self.assertEqual(result["links"][0]["link"], result["bottleneck"]["link"])

    def test_ranks_takes_the_first(self):
        # One machine: 7 of 8 blocks of 8 MiB leave each GPU over 25 GB/s.
        result = self.json(*self.ON_REFERENCE, "--bytes-per-rank", "64MiB", "--ranks", "8")
        self.assertAlmostEqual(result["time_s"] / (7 * 8 * 2**20 / 25e9), 1, places=12)
        self.refused(*self.ON_REFERENCE, "--bytes-per-rank", "64MiB", "--ranks", "33")

    def test_overrides_change_the_cluster(self):
        result = self.json(*self.ON_REFERENCE, "--bytes-per-rank", "64MiB", "--set", "nodes=2")
        self.assertEqual(result["ranks"], 16)

    def test_matrix_of_equal_sizes_is_the_balanced_one(self):
        with tempfile.TemporaryDirectory() as folder:
            matrix = Path(folder) / "m.csv"
            matrix.write_text((",".join(["2097152"] * 32) + "\n") * 32)
            uneven = self.json(*self.ON_REFERENCE, "--bytes-matrix", matrix)
        even = self.json(*self.ON_REFERENCE, "--bytes-per-rank", "64MiB")
        self.assertAlmostEqual(uneven["time_s"] / even["time_s"], 1, places=12)
        self.assertAlmostEqual(uneven["algbw_Bps"] / even["algbw_Bps"], 1, places=12)

    def test_several_sizes_are_an_array_and_rows(self):
        several = self.json(*self.ON_REFERENCE, "--bytes-per-rank", "1MiB,2MiB")
        self.assertEqual([point["bytes_per_rank"] for point in several], [2**20, 2**21])
        rows = rows_of(self.ok(*self.ON_REFERENCE, "--bytes-per-rank", "1MiB,2MiB", "--format", "csv"))
        self.assertEqual([float(row["time_s"]) for row in rows], [point["time_s"] for point in several])

    def test_all_kinds_answer(self):
        for kind in ("all_to_all", "all_reduce", "all_gather", "reduce_scatter", "send_recv"):
            result = self.json("collective", kind, "--cluster", "paper_4x8", *ROOT, "--bytes-per-rank", "16MiB")
            self.assertGreater(result["time_s"], 0)
            self.assertEqual(result["collective"], kind)

    def test_algorithms_are_those_of_the_kind(self):
        words = ["collective", "all_reduce", "--cluster", "h100_sxm_4x8", "--bytes-per-rank", "16MiB", *ROOT]
        results = {name: self.json(*words, "--algorithm", name) for name in ("ring", "tree", "direct")}
        for name, result in results.items():
            self.assertEqual(result["algorithm"], name)
            self.assertEqual(result["extrapolated"], name != "ring")
        self.assertLess(results["tree"]["time_s"], results["ring"]["time_s"])  # fewer steps
        self.assertIn("one of: ring, tree, direct", self.refused(*words, "--algorithm", "flat"))
        self.assertIn("one of: ring, direct", self.refused("collective", "all_gather", *words[2:], "--algorithm", "tree"))
        self.assertIn("no choice", self.refused("collective", "send_recv", *words[2:], "--algorithm", "ring"))

    def test_sizes_need_their_unit(self):
        for size in ("64", "64KB", "0B", "-1MiB", "much", ""):
            self.assertIn("--bytes-per-rank", self.refused(*self.ON_REFERENCE, f"--bytes-per-rank={size}"))
        self.assertIn("exactly one of them", self.refused(*self.ON_REFERENCE))
        self.assertIn("did you mean all_reduce?", self.refused("collective", "allreduce", "--cluster", "x", *ROOT))


class Kernel(Case):
    GEMM = ["kernel", "gemm", "--device", "a40", *ROOT]

    def test_keys(self):
        result = self.json(*self.GEMM, "--m", 4096, "--n", 4096, "--k", 1024, "--dtype", "fp16")
        self.assertLessEqual({"kernel", "time_s", "interval_s", "bound"}, set(result))
        self.assertGreater(result["time_s"], 2 * 4096 * 4096 * 1024 / 149.7e12)
        low, high = result["interval_s"]
        self.assertTrue(low < result["time_s"] < high)

    def test_all_kernels_answer(self):
        examples = {"gemm": ["--m", 64, "--n", 64, "--k", 64],
                    "grouped_gemm": ["--experts", 8, "--tokens", 4096, "--n", 2048, "--k", 512],
                    "attention": ["--sequences", 2, "--query-tokens", 512, "--heads", 16, "--head-dim", 64]}
        for kernel in commands_of(self.ok("kernel", "--help")):
            result = self.json("kernel", kernel, "--device", "a40", *ROOT, *examples.get(kernel, ["--bytes", "64MiB"]))
            self.assertEqual(result["kernel"], kernel)
            self.assertGreater(result["time_s"], 0)

    def test_batch_equals_single_calls_and_keeps_the_rest(self):
        text = "note,m,n,k,dtype\n\"a, b\",128,256,512,fp16\nlast,4096,1024,64,bf16\n"
        out = self.ok(*self.GEMM, "--batch", "-", stdin=text)
        rows = rows_of(out)
        self.assertEqual(out.splitlines()[0], "note,m,n,k,dtype,time_us,lo_us,hi_us")
        self.assertEqual([row["note"] for row in rows], ["a, b", "last"])
        for row in rows:
            single = self.json(*self.GEMM, *(w for key in ("m", "n", "k", "dtype") for w in ("--" + key, row[key])))
            self.assertAlmostEqual(float(row["time_us"]) * 1e-6 / single["time_s"], 1, places=12)
            self.assertAlmostEqual(float(row["lo_us"]) * 1e-6 / single["interval_s"][0], 1, places=12)
            self.assertAlmostEqual(float(row["hi_us"]) * 1e-6 / single["interval_s"][1], 1, places=12)

    def test_batch_takes_the_device_from_a_column_and_the_rest_from_options(self):
        text = "device,m\na40,1024\nl40s,1024\n"
        rows = rows_of(self.ok("kernel", "gemm", *ROOT, "--batch", "-", "--n", 1024, "--k", 1024, stdin=text))
        self.assertNotEqual(rows[0]["time_us"], rows[1]["time_us"])
        self.assertIn("device", self.refused("kernel", "gemm", *ROOT, "--batch", "-", stdin="m,n,k\n1,1,1\n"))
        self.assertIn("-:2:1: device:", self.refused("kernel", "gemm", *ROOT, "--batch", "-", stdin="device,m,n,k\na4,1,1,1\n"))

    def test_batch_renames_measured_times(self):
        result = run(*self.GEMM, "--batch", "-", stdin="m,n,k,time_us\n128,128,128,9.5\n")
        self.assertEqual(result.returncode, 0, result.stderr)
        row, = rows_of(result.stdout)
        self.assertEqual(row["input_time_us"], "9.5")
        self.assertNotEqual(row["time_us"], "9.5")
        self.assertIn("input_time_us", result.stderr)

    def test_batch_reports_all_bad_cells_at_once(self):
        errors = self.refused(*self.GEMM, "--batch", "-", stdin="m,n,k\n1,x,3\n4,5\n7,8,-9\n")
        self.assertIn('-:2:3: n: "x" is not a whole number', errors)
        self.assertIn("-:3: has 2 cells, the header has 3", errors)
        self.assertIn('-:4:5: k: "-9" is not a whole number', errors)
        self.assertIn("3 problems", errors)

    def test_batch_of_nonsense(self):
        self.assertIn("is empty", self.refused(*self.GEMM, "--batch", "-", stdin=""))
        self.assertIn("there is no such column", self.refused(*self.GEMM, "--batch", "-", stdin="m,n\n1,2\n"))
        self.assertIn("is there twice", self.refused(*self.GEMM, "--batch", "-", stdin="m,m,n,k\n1,1,2,3\n"))
        self.refused(*self.GEMM, "--batch", PROGRAM)
        self.refused(*self.GEMM, "--batch", SOURCE)
        self.refused(*self.GEMM, "--batch", "-", "--format", "json", stdin="m,n,k\n1,1,1\n")

    def test_wrong_shapes(self):
        self.assertIn("--m: is missing", self.refused(*self.GEMM, "--n", 1, "--k", 1))
        self.assertIn("no matrix unit", self.refused(*self.GEMM, "--m", 1, "--n", 1, "--k", 1, "--dtype", "fp8"))
        self.assertIn("is missing", self.refused("kernel", "gemm", "--m", 1, "--n", 1, "--k", 1))


class Engine(Case):
    def test_commands_of_the_closed_form_say_so(self):
        self.assertIn("closed form", self.refused("search", TRAINING, "--engine", "flow"))
        self.assertIn("closed form", self.refused("validate", "--engine", "flow"))

    def test_sweeps_take_the_flow_engine(self):
        # Balanced routing, no other traffic: both engines give the same rows.
        rows = [self.ok("sweep", TRAINING, "--engine", engine) for engine in ("analytic", "flow")]
        self.assertEqual(rows[0], rows[1])


class Calibrate(Case):
    def test_samples_become_a_calibration_with_its_errors(self):
        bandwidth = 0.8 * 3.35e12
        lines = ["kernel,dtype,m,n,k,bytes,time_us"]
        for i in range(60):
            size = 10 ** (4 + 5 * i / 60)
            lines.append(f"copy,bf16,,,,{size:.0f},{2 + 1e6 * size / bandwidth:.4f}")
        lines.append("copy,bf16,,,,1e9,1")  # 300 times the memory's bandwidth
        with tempfile.TemporaryDirectory() as folder:
            samples, out = Path(folder) / "samples.csv", Path(folder) / "mine.yaml"
            samples.write_text("\n".join(lines) + "\n")
            result = run("calibrate", samples, "--device", "h100_sxm", "-o", out, "--format", "csv", *ROOT)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn("contradict physics", result.stderr)
            self.assertIn("memory.copy", out.read_text())
            rows = rows_of(result.stdout)
            self.assertEqual(rows[0]["law"], "memory.copy")
            self.assertLess(float(rows[0]["median_error"]), 0.02)

    def test_residuals_are_what_the_errors_are_made_of(self):
        lines = ["kernel,dtype,m,n,k,bytes,time_us"]
        for i in range(60):
            size = 10 ** (4 + 5 * i / 60)
            lines.append(f"copy,bf16,,,,{size:.0f},{(2 + 1e6 * size / 2.5e12) * (1.1 if i % 3 else 1):.4f}")
        with tempfile.TemporaryDirectory() as folder:
            samples, residuals = Path(folder) / "samples.csv", Path(folder) / "residuals.csv"
            samples.write_text("\n".join(lines) + "\n")
            result = run("calibrate", samples, "--device", "h100_sxm", "--residuals", residuals, "--format", "csv", *ROOT)
            self.assertEqual(result.returncode, 0, result.stderr)
            rows = rows_of(residuals.read_text())
            self.assertEqual(len(rows), 60)
            errors = sorted(abs(float(row["measured_s"]) / float(row["predicted_s"]) - 1) for row in rows)
            self.assertAlmostEqual(errors[30], float(rows_of(result.stdout)[0]["median_error"]), places=4)
            held = sum(row["in_interval"] == "yes" for row in rows) / len(rows)
            self.assertAlmostEqual(held, float(rows_of(result.stdout)[0]["coverage"]), places=4)

    def test_what_is_missing_is_the_users_input(self):
        self.assertEqual(run("calibrate", "/nowhere.csv", *ROOT).returncode, 2)
        self.assertEqual(run("calibrate", "/nowhere.csv", "--device", "h100_sxm", *ROOT).returncode, 2)


class Validate(Case):
    def test_tolerance_decides_the_exit_status(self):
        header = "case,scenario,part,time_us,tolerance,baseline,workload.micro_batch\n"
        with tempfile.TemporaryDirectory() as folder:
            trace = Path(folder) / "mine.csv"
            line = f"a,{TRAINING},layer.forward,{{}},0.1,,2\nb,{TRAINING},moe_block.forward,{{}},0.1,a,2\n"
            trace.write_text("# made up\n" + header.replace("case,", "case,variant,", 1) + line.replace("a,/", "a,bigmac,/", 1).replace("b,/", "b,bigmac,/", 1).format(1, 1))
            result = run("validate", folder, "--format", "json", *ROOT)
            self.assertEqual(result.returncode, 3, result.stderr)
            cases = strict_json(result.stdout)["cases"]
            self.assertGreater(cases[0]["predicted_s"], cases[1]["predicted_s"])
            exact = [1e6 * case["predicted_s"] for case in cases]
            trace.write_text(header.replace("case,", "case,variant,", 1) + line.replace("a,/", "a,bigmac,/", 1).replace("b,/", "b,bigmac,/", 1).format(*exact))
            result = run("validate", trace, "--format", "json", *ROOT)
            self.assertEqual(result.returncode, 0, result.stderr)
            report = strict_json(result.stdout)
            self.assertTrue(report["within_tolerance"])
            self.assertAlmostEqual(report["cases"][1]["ratio_error"], 0)
            self.assertTrue(report["cases"][0]["in_interval"])

    def test_bad_traces_are_the_users_input(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(run("validate", folder, *ROOT).returncode, 2)
            trace = Path(folder) / "mine.csv"
            trace.write_text("case,scenario,part,time_us\na,paper_training,everything,-1\n")
            result = run("validate", folder, *ROOT)
            self.assertEqual(result.returncode, 2)
            self.assertIn("part", result.stderr)
            self.assertIn("time_us", result.stderr)

    def test_collectives_beside_the_cluster_they_ran_on(self):
        predicted = strict_json(run("collective", "all_reduce", "--cluster", "h100_sxm_1x8", "--ranks", "2",
                                    "--bytes-per-rank", "1MiB", "--format", "json", *ROOT).stdout)["time_s"]
        with tempfile.TemporaryDirectory() as folder:
            samples = Path(folder) / "mine.csv"
            samples.write_text(f"collective,ranks,bytes_per_rank,time_us\nall_reduce,2,1048576,{1e6 * predicted}\n")
            result = run("validate", samples, "--cluster", "h100_sxm_1x8", "--format", "json", *ROOT)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertAlmostEqual(strict_json(result.stdout)["cases"][0]["error"], 0, places=5)
            samples.write_text("collective,ranks,bytes_per_rank,time_us\nall_reduce,64,1048576,100\n")
            self.assertEqual(run("validate", samples, "--cluster", "h100_sxm_1x8", *ROOT).returncode, 2)
        self.assertEqual(run("validate", "--cluster", "h100_sxm_1x8", *ROOT).returncode, 2)

    def test_our_collectives_of_two_h100_are_predicted_by_the_law_of_others(self):
        result = run("validate", Path(SOURCE) / "calibration/samples/h100_sxm_1x2_collectives.csv", "--cluster", "h100_sxm_1x8",
                     "--format", "json", *ROOT)
        self.assertLess(strict_json(result.stdout)["summary"][-1]["median_error"], 0.1)

    def test_shipped_traces_are_mostly_met(self):
        result = run("validate", Path(SOURCE) / "traces", "--format", "json", *ROOT)
        self.assertIn(result.returncode, (0, 3), result.stderr)
        everything = strict_json(result.stdout)["summary"][-1]
        self.assertLess(everything["median_error"], 0.03)
        self.assertGreater(everything["in_interval"], 0.85)
        self.assertLess(everything["in_interval"], 0.95)  # an interval that holds everything says nothing
        self.assertGreater(everything["within_tolerance"], 0.97)


class Report(Case):
    def data_of(self, *words):
        page = self.ok("report", *words, *ROOT)
        return page, strict_json(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])

    def test_says_what_compare_and_explain_say(self):
        page, data = self.data_of(TRAINING)
        self.assertLess(len(page), 3_000_000)
        compared = self.json("compare", TRAINING, *ROOT)
        for shown, one in zip(data["comparison"]["variants"], compared["variants"], strict=True):
            # The page does without what a case consists of.
            self.assertEqual(shown, {key: value for key, value in one.items() if key not in ("roofs", "kernels", "expert_load")})
        explained = self.json("explain", TRAINING, "--variant", "bigmac", *ROOT)
        self.assertEqual(data["variants"][1]["explanation"]["resources"], explained["resources"])
        self.assertEqual([entry["hash"] for entry in data["comparison"]["provenance"]["inputs"]],
                         [entry["hash"] for entry in compared["provenance"]["inputs"]])

    def test_one_variant_is_enough(self):
        with tempfile.TemporaryDirectory() as folder:
            alone = Path(folder) / "alone.yaml"
            alone.write_text("base: paper_training\nname: alone\nvariants: ~\n")
            _, data = self.data_of(alone)
            self.assertEqual([one["name"] for one in data["comparison"]["variants"]], ["alone"])

    def test_refuses_what_it_cannot_do(self):
        self.assertIn("standard input", self.refused("report", "-", *ROOT))
        self.refused("report", TRAINING, "--engine", "flow")
        self.assertIn("did you mean", self.refused("report", "paper_trainin", *ROOT))


class List(Case):
    def test_everything_can_be_listed_in_all_formats(self):
        for what in ("topologies", "devices", "collectives", "kernels", "models", "frameworks", "scenarios", "clusters"):
            items = self.json("list", what, *ROOT)["items"]
            self.assertTrue(items, what)
            rows = rows_of(self.ok("list", what, *ROOT, "--format", "csv"))
            self.assertEqual([row["name"] for row in rows], [item["name"] for item in items])
            table = self.ok("list", what, *ROOT)
            for item in items:
                self.assertIn(item["name"], table)

    def test_shipped_names(self):
        names = {item["name"] for item in self.json("list", "devices", *ROOT)["items"]}
        self.assertLessEqual({"a40", "l40s", "a100_sxm", "h100_sxm", "h200_sxm"}, names)
        self.assertIn("one of: scenarios", self.refused("list", "everything"))



class FlowEngine(Case):
    def test_agrees_with_the_closed_form_when_balanced(self):
        for file in (TRAINING, INFERENCE):
            closed = self.json("predict", file, *ROOT)
            flow = self.json("predict", file, "--engine", "flow", *ROOT)
            self.assertEqual(flow["engine"], "flow")
            self.assertAlmostEqual(flow["step_time_s"] / closed["step_time_s"], 1, delta=1e-9)
            self.assertLessEqual(PREDICT_KEYS, flow.keys())
            parts = flow["flow"]["computing_s"] + sum(one["time_s"] for one in flow["flow"]["idle"])
            self.assertAlmostEqual(parts / flow["step_time_s"], 1, delta=1e-9)

    def test_compare_and_collective_take_it(self):
        compared = self.json("compare", TRAINING, "--engine", "flow", *ROOT)
        self.assertEqual([one["engine"] for one in compared["variants"]], ["flow", "flow"])
        words = ["collective", "all_to_all", "--cluster", "reference_fat_tree", "--bytes-per-rank", "32MiB", *ROOT]
        closed = self.json(*words, "--ideal")
        flow = self.json(*words, "--ideal", "--engine", "flow")
        self.assertAlmostEqual(flow["time_s"] / closed["time_s"], 1, delta=1e-9)
        self.assertEqual(flow["flows"], {"transfers": 992, "folded": 992})

    def test_trace_is_json_with_all_ranks(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "trace.json"
            self.ok("collective", "all_to_all", "--cluster", "paper_4x8", "--ranks", "8", "--bytes-per-rank", "1MiB", "--engine",
                    "flow", "--trace", file, *ROOT)
            events = strict_json(file.read_text())["traceEvents"]
            self.assertEqual(sum(event["ph"] == "b" for event in events), 8 * 7)
            self.assertEqual(sum(event["ph"] == "e" for event in events), 8 * 7)
            self.assertTrue(any(event["ph"] == "C" for event in events))
        result = run("predict", TRAINING, "--trace", "x.json", *ROOT)
        self.assertEqual(result.returncode, 2)
        self.assertIn("--engine flow", result.stderr)

    def test_timeline_is_a_table_of_operators(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "timeline.csv"
            words = [TRAINING, "--set", "model.layers=2", "--engine", "flow", "--timeline", file, *ROOT]
            compared = self.json("compare", *words)
            rows = rows_of(file.read_text())
            self.assertEqual({row["case"] for row in rows}, {"fine_grained", "bigmac"})
            self.assertEqual(len({row["rank"] for row in rows}), 32)
            for variant in compared["variants"]:
                end = max(float(row["end_s"]) for row in rows if row["case"] == variant["name"])
                self.assertAlmostEqual(end / variant["step_time_s"], 1, delta=1e-9)
                self.assertTrue(variant["flow"]["link_use"][0]["links"])
            self.assertIn("Compute stream of the mean rank", self.ok("predict", *words))
        result = run("compare", TRAINING, "--timeline", "x.csv", *ROOT)
        self.assertEqual(result.returncode, 2)
        self.assertIn("--engine flow", result.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
