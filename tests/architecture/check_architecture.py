#!/usr/bin/env python3
"""Checks that the source tree is built as docs/architecture.md says it is.

usage: check_architecture.py SOURCE_DIR ROOMS_FILE

ROOMS_FILE comes from CMake, one room a line in the order of CMakeLists.txt (lowest first): name;uses,...
Prints one line per fault, file:line: what and why, and exits 1 if there is any.
"""

import re
import sys
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
# Libraries whose headers take seconds to compile stay inside the .cpp files of one or two rooms.
HEAVY = ("boost/", "Eigen/", "unsupported/Eigen/", "yaml-cpp/", "nlohmann/", "CLI/", "fmt/")
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b")
MAX_LINES = 400
CODE = {".cpp", ".hpp", ".cu", ".cuh"}


def read_rooms(text):
    """{room: the rooms it names in USES} in the order of the build."""
    pairs = (line.split(";") for line in text.splitlines())
    return {name: [used for used in uses.split(",") if used] for name, uses in pairs}


def reachable(rooms, name):
    """The room itself, what it uses, and what those use: links are public, so their headers are visible."""
    seen, todo = set(), [name]
    while todo:
        room = todo.pop()
        if room not in seen:
            seen.add(room)
            todo += rooms.get(room, [])
    return seen


def code_files(folder):
    return sorted(p for p in folder.rglob("*") if p.suffix in CODE) if folder.is_dir() else []


def check_arrows(rooms):
    below = set()
    for name, uses in rooms.items():
        for used in uses:
            if used not in below:
                yield f"src/{name}/CMakeLists.txt:1: {name} uses {used}, which is not below it (arrows point down only)"
        below.add(name)


def check_listing(root, rooms):
    """Every file of a room is built (or, a public header, compiled alone): a file that CMake does not know is dead."""
    for parent in ("include/moesim", "src"):
        for folder in sorted(f for f in (root / parent).glob("*") if f.is_dir() and code_files(f)):
            if folder.name not in rooms:
                yield f"{folder.relative_to(root)}:1: belongs to no room (moesim_add_room or moesim_record_room)"
                continue
            listing = root / "src" / folder.name / "CMakeLists.txt"
            known = set(re.split(r"[\s()]+", listing.read_text(encoding="utf-8"))) if listing.is_file() else set()
            for path in code_files(folder):
                checked = parent != "src" or path.suffix in {".cpp", ".cu"}
                if checked and str(path.relative_to(folder)) not in known:
                    yield f"{path.relative_to(root)}:1: not in src/{folder.name}/CMakeLists.txt (neither built nor checked)"


def check_includes(root, path, room, visible):
    public = path.is_relative_to(root / "include")
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        bracket, name = match.groups()
        place = f"{path.relative_to(root)}:{number}"
        if public and name.startswith(HEAVY):
            yield f"{place}: {name} in a public header (heavy headers stay in .cpp files)"
        if name.startswith("moesim/"):
            other = name.split("/")[1]
            if other not in visible:
                yield f"{place}: {room} includes {name}, but its USES do not lead to {other}"
        elif bracket == '"':
            if public:
                yield f'{place}: "{name}" in a public header (write "moesim/...")'
            elif not (root / "src" / name).is_file() and not (path.parent / name).is_file():
                yield f'{place}: "{name}" is not below src/'
            elif (root / "src" / name).is_file() and name.split("/")[0] != room:
                yield f"{place}: {name} is private to {name.split('/')[0]} (only public headers cross rooms)"


def check_text(root, path, finished):
    lines = path.read_text(encoding="utf-8").splitlines()
    if len(lines) > MAX_LINES:
        yield f"{path.relative_to(root)}:{len(lines)}: {len(lines)} lines (at most {MAX_LINES}; split it)"
    for number, line in enumerate(lines, 1) if finished else ():
        match = UNFINISHED.search(line)
        if match:
            yield f"{path.relative_to(root)}:{number}: {match.group(1)} (finish it or leave it out)"


def faults(root, rooms):
    yield from check_arrows(rooms)
    yield from check_listing(root, rooms)
    for room in rooms:
        visible = reachable(rooms, room)
        for path in code_files(root / "include/moesim" / room) + code_files(root / "src" / room):
            yield from check_includes(root, path, room, visible)
    for folder, finished in (("include", True), ("src", True), ("tests", False)):
        for path in code_files(root / folder):
            yield from check_text(root, path, finished)


def main():
    root = Path(sys.argv[1]).resolve()
    found = list(faults(root, read_rooms(Path(sys.argv[2]).read_text(encoding="utf-8"))))
    print("\n".join(found) if found else "architecture: no fault")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
