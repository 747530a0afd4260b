#!/usr/bin/env python3
"""Runs clang-tidy on our own sources, in parallel, skipping those that were clean before and have not changed.

usage: clang_tidy.py BUILD_DIR [FOLDER...]        (folders below the source tree; default: src)

Sources of one folder are checked several at a time, as one translation unit: most of the time goes into the standard library's
headers, which each source would parse anew (five times the time). What only a source by itself would show (an include that it
lacks, a function that it does not use) the compilers find as errors.
A batch is unchanged when its sources' text, the text of every header of ours that they include, directly or not, the compile
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
BATCH = 8
OUR_INCLUDE = re.compile(rb'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def with_headers(sources):
    """The sources and every header of ours below them."""
    found, todo = set(), list(sources)
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


def fingerprint(sources, command, version):
    digest = hashlib.sha256(version + command.encode())
    configs = [folder / ".clang-tidy" for folder in sources[0].parents if (folder / ".clang-tidy").is_file()]
    for path in configs + with_headers(sources):
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def batches(commands):
    """Lists of sources that lie in one folder and are compiled alike, with their command for a source '@'."""
    alike = {}
    for source, command in sorted(commands.items()):
        # The source and its object file are what differs.
        general = re.sub(r"-o \S+ -c \S+$", "-o @.o -c @", command)
        alike.setdefault((source.parent, general), []).append(source)
    for (_, command), sources in alike.items():
        for first in range(0, len(sources), BATCH):
            yield sources[first:first + BATCH], command


def main():
    build = Path(sys.argv[1]).resolve()
    folders = tuple(ROOT / name for name in sys.argv[2:] or ["src"])
    clean, units = build / "clang-tidy-clean", build / "clang-tidy-units"
    for folder in (clean, units):
        folder.mkdir(exist_ok=True)
    version = subprocess.run([CLANG_TIDY, "--version"], check=True, capture_output=True).stdout
    entries = json.loads((build / "compile_commands.json").read_text())
    ours = {Path(e["file"]): e["command"] for e in entries if any(Path(e["file"]).is_relative_to(folder) for folder in folders)}
    work, database = [], []
    for sources, command in batches(ours):
        note = clean / fingerprint(sources, command, version)
        if note.exists():
            continue
        unit = units / (str(sources[0].relative_to(ROOT)).replace("/", "-"))
        unit.write_text("".join(f'#include "{source}"\n' for source in sources))
        database.append({"directory": str(build), "file": str(unit), "command": command.replace("@", str(unit))})
        work.append((len(sources), unit, note))
    (units / "compile_commands.json").write_text(json.dumps(database))

    def check(item):
        _, unit, note = item
        run = subprocess.run(
            [CLANG_TIDY, "-p", str(units), "--quiet", "--checks=-bugprone-suspicious-include,-bugprone-forward-declaration-namespace",
             f"--header-filter=^{re.escape(str(ROOT))}/(include|src|tests)/", "--extra-arg=-Wno-unknown-warning-option", str(unit)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if run.returncode == 0:
            note.touch()
            return True
        print(run.stdout, flush=True)
        return False

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(check, work))
    print(f"clang-tidy: {sum(count for count, _, _ in work)} sources in {len(work)} batches checked, "
          f"{results.count(False)} batches with findings (the others were clean before)")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
