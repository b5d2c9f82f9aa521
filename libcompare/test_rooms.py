#!/usr/bin/env python3
"""Includes point one way: a room includes only what stands to its left on the way of a byte, by its one door."""
import pathlib
import re
import sys

WAY = ["base", "confine", "image", "decode", "normalise", "match", "compare", "buildinfo", "explain", "judge", "container",
       "report", "verify"]
# match does not know rules; what the design draws as one line is a fork there.
# The checker is independent: it shares only the ground floor with what it checks.
FORBIDDEN = {("match", "normalise")} | {("verify", room) for room in WAY[1:-1]}


def faults(top):
    for path in sorted(top.glob("*/**/*.[ch]")):
        room = path.relative_to(top).parts[0]
        if room not in WAY or path.name.startswith("test_"):
            continue
        for line in path.read_text().splitlines():
            match = re.match(r'#include "((?:\.\./)+)(\w+)/(\w+)\.h"', line)
            # A room may have folders: what is within it is its own.
            if not match or len(match[1]) < 3 * (len(path.relative_to(top).parts) - 1):
                continue
            other, header = match.groups()[1:]
            if other not in WAY:
                yield f"{path}: {other}/ is no room on the way"
            elif WAY.index(other) >= WAY.index(room) or (room, other) in FORBIDDEN:
                yield f"{path}: {room}/ must not include {other}/"
            elif header != other:
                yield f"{path}: {other}/{header}.h is not the door of its room"


found = list(faults(pathlib.Path(sys.argv[1])))
print("\n".join(found))
sys.exit(1 if found else 0)
