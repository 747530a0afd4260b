#!/usr/bin/env python3
"""Golden results: what `moesim compare` answers for a shipped scenario, one reviewable text per scenario.

usage: golden.py check PROGRAM SCENARIO.yaml GOLDEN.txt
       golden.py update PROGRAM SCENARIO.yaml GOLDEN.txt

A golden file has one line per value, `path = value`. Numbers are compared with a relative tolerance of 1e-9, so that another
compiler or library may round differently; everything else must be equal. What made the result (version, commit, hashes) is
left out, and so is what a case consists of (kernels, roofs, rows of experts): a thousand numbers that its times and their own
tests answer for. scripts/update_goldens.sh writes them all anew: look at the difference before you commit it.
"""

import json
import subprocess
import sys
from pathlib import Path

TOLERANCE = 1e-9


def flatten(value, path=""):
    """[(path, leaf)] of a JSON value; list entries that have a name are called by it, so that lines stay readable."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        if not value:
            yield path, []
        for index, inner in enumerate(value):
            label = index
            if isinstance(inner, dict):
                label = inner.get("name", inner.get("law", index))
            yield from flatten(inner, f"{path}[{label}]")
    else:
        yield path, value


def predicted(program, scenario):
    run = subprocess.run([program, "compare", scenario, "--format", "json"], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        sys.exit(f"{scenario}: exit status {run.returncode}\n{run.stderr}")
    result = json.loads(run.stdout)
    del result["provenance"]
    for variant in result["variants"]:
        for detail in ("roofs", "kernels", "expert_load"):
            variant.pop(detail)
    return list(flatten(result))


def read_golden(text):
    """[(path, value)]; values are JSON."""
    entries = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            path, _, value = line.partition(" = ")
            entries.append((path, json.loads(value)))
    return entries


def equal(expected, found):
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (expected, found))
    if not numbers:
        return expected == found
    return abs(found - expected) <= TOLERANCE * max(abs(expected), abs(found))


def differences(expected, found):
    """Lines that say what differs."""
    known = dict(expected)
    seen = dict(found)
    for path, value in expected:
        if path not in seen:
            yield f"{path}: gone (was {json.dumps(value)})"
        elif not equal(value, seen[path]):
            yield f"{path}: {json.dumps(seen[path])} instead of {json.dumps(value)}"
    for path, value in found:
        if path not in known:
            yield f"{path}: new, {json.dumps(value)}"


def main():
    if len(sys.argv) != 5 or sys.argv[1] not in ("check", "update"):
        sys.exit(__doc__)
    action, program, scenario, golden = sys.argv[1:]
    found = predicted(program, scenario)
    golden = Path(golden)
    if action == "update":
        header = f"# moesim compare configs/scenarios/{Path(scenario).name}: written by scripts/update_goldens.sh\n"
        golden.write_text(header + "".join(f"{path} = {json.dumps(value, ensure_ascii=False)}\n" for path, value in found),
                          encoding="utf-8")
        return
    if not golden.exists():
        sys.exit(f"{golden} does not exist: run scripts/update_goldens.sh, look at it, commit it")
    lines = list(differences(read_golden(golden.read_text(encoding="utf-8")), found))
    if lines:
        shown = "\n".join(lines[:40]) + (f"\n... and {len(lines) - 40} more" if len(lines) > 40 else "")
        sys.exit(f"{golden.name}: {len(lines)} values differ. If that is meant, run scripts/update_goldens.sh.\n{shown}")


if __name__ == "__main__":
    main()
