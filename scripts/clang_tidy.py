#!/usr/bin/env python3
"""Runs clang-tidy on our own sources, in parallel, skipping those that were clean before and have not changed.

usage: clang_tidy.py BUILD_DIR [FOLDER...]        (folders below the source tree; default: src)

A source is unchanged when its text, the text of every header of ours that it includes, directly or not, its compile
command and .clang-tidy are. What was clean is noted in BUILD_DIR/clang-tidy-clean/. Exits 1 if there is any finding.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLANG_TIDY = "clang-tidy-14"
OUR_INCLUDE = re.compile(rb'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def with_headers(source):
    """The source and every header of ours below it."""
    found, todo = set(), [source]
    while todo:
        path = todo.pop()
        if path in found:
            continue
        found.add(path)
        for name in OUR_INCLUDE.findall(path.read_bytes()):
            for folder in (ROOT / "include", ROOT / "src", ROOT / "tests", path.parent):
                if (folder / name.decode()).is_file():
                    todo.append(folder / name.decode())
                    break
    return sorted(found)


def fingerprint(source, command, version):
    digest = hashlib.sha256(version + command.encode())
    configs = [folder / ".clang-tidy" for folder in source.parents if (folder / ".clang-tidy").is_file()]
    for path in configs + with_headers(source):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def main():
    build = Path(sys.argv[1]).resolve()
    folders = tuple(ROOT / name for name in sys.argv[2:] or ["src"])
    clean = build / "clang-tidy-clean"
    clean.mkdir(exist_ok=True)
    version = subprocess.run([CLANG_TIDY, "--version"], check=True, capture_output=True).stdout
    commands = {Path(e["file"]): e["command"] for e in json.loads((build / "compile_commands.json").read_text())}
    work = []
    for source, command in sorted(commands.items()):
        if any(source.is_relative_to(folder) for folder in folders):
            note = clean / fingerprint(source, command, version)
            if not note.exists():
                work.append((source, note))

    def check(item):
        source, note = item
        run = subprocess.run(
            [CLANG_TIDY, "-p", str(build), "--quiet", f"--header-filter=^{re.escape(str(ROOT))}/(include|src|tests)/",
             "--extra-arg=-Wno-unknown-warning-option", str(source)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if run.returncode == 0:
            note.touch()
            return True
        print(run.stdout, flush=True)
        return False

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(check, work))
    print(f"clang-tidy: {len(results)} sources checked, {results.count(False)} with findings (the others were clean before)")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
