#!/usr/bin/env python3
"""The comparison of golden.py finds what it has to find."""

import unittest

import golden


class Golden(unittest.TestCase):
    def lines(self, expected, found):
        return list(golden.differences(expected, found))

    def test_equal_results_have_no_differences(self):
        self.assertEqual(self.lines([("a", 1.0), ("b", "x")], [("a", 1.0), ("b", "x")]), [])

    def test_rounding_is_forgiven_and_more_is_not(self):
        self.assertEqual(self.lines([("a", 1.0)], [("a", 1.0 + 5e-10)]), [])
        self.assertEqual(len(self.lines([("a", 1.0)], [("a", 1.0 + 5e-9)])), 1)
        self.assertEqual(len(self.lines([("a", 0.0)], [("a", 1e-30)])), 1)

    def test_words_booleans_and_nothing_are_not_numbers(self):
        self.assertFalse(golden.equal("1", 1))
        self.assertFalse(golden.equal(None, 0))

    def test_new_and_lost_values_are_named(self):
        self.assertEqual(self.lines([("a", 1)], [("b", 2)]), ["a: gone (was 1)", "b: new, 2"])

    def test_flattened_values_are_read_back(self):
        result = {"x": [1.5, {"name": "n", "v": None}], "y": {"z": "a = b"}, "e": []}
        flat = list(golden.flatten(result))
        self.assertEqual(flat, [("x[0]", 1.5), ("x[n].name", "n"), ("x[n].v", None), ("y.z", "a = b"), ("e", [])])
        text = "# comment\n" + "".join(f"{p} = {golden.json.dumps(v)}\n" for p, v in flat)
        self.assertEqual(golden.read_golden(text), flat)


if __name__ == "__main__":
    unittest.main()
