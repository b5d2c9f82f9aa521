"""The part of scripts/causes that counts: single causes, sets of them, and changed lines of source."""
import argparse
import collections
import concurrent.futures
import itertools
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import causes_builds as builds
from causes_changes import CHANGES
from causes_seeds import seeds

UNKNOWN = "unknown"
# Two names of one thing: what is seeded, and what else is a right answer.
ALSO_RIGHT = {"haskell": {"haskell", "temp-name"}}
# No answer of its own: it follows from whatever was seeded.
DERIVED = {"build-id-derived"}


def explain(elftally, vendor, rebuilt):
    done = subprocess.run([elftally, "-f", "json", "--bytes", "64", vendor, rebuilt], capture_output=True, timeout=300,
                          check=False)
    report = json.loads(done.stdout)
    explanation = report.get("explanation")
    if explanation is None:
        return report["verdict"], []
    return report["verdict"], [[(cause["id"], cause["confidence"]) for cause in root["causes"]]
                               for root in explanation["roots"]]


def best(root):
    return root[0][0] if root and root[0][1] >= 50 else UNKNOWN


def ranked(roots):
    """The answers in the order in which a reader meets them: each root's best, then what else they might be."""
    answers = [best(root) for root in roots]
    answers += [name for root in roots for name, _ in root]
    return list(dict.fromkeys(answers))


class Board:
    def __init__(self, arguments, here):
        self.arguments, self.here = arguments, here
        self.tools = here / "tools"
        self.tools.mkdir()
        for suffix in ("", "2"):
            builds.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=builder", "-days", "2",
                       "-keyout", self.tools / f"key{suffix}.pem", "-out", self.tools / f"certificate{suffix}.pem")
        self.numbers = itertools.count()

    def pair(self, program, vendor, rebuilt):
        """Builds both sides and returns the verdict and the roots. Directories are as deep for both."""
        name = f"{next(self.numbers):04}"
        files = []
        for side, wishes in (("v", vendor), ("r", rebuilt)):
            # Both sides are built at one place, one after the other, unless the place is what differs.
            root = self.here / name / "at"
            root.mkdir(parents=True)
            output = self.here / name / side
            builds.build(program, builds.Variant(**wishes), root, output)
            shutil.rmtree(root)
            files.append(output)
        told = explain(self.arguments.elftally, *files)
        if self.arguments.keep:
            shutil.copytree(self.here / name, pathlib.Path(self.arguments.keep) / name, dirs_exist_ok=True)
        shutil.rmtree(self.here / name)
        return name, *told

    def run(self, jobs):
        """Runs functions two at a time, and yields what they return in order and as soon as it is there. A build that
        fails ends everything, for a number of fewer pairs is none."""
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            yield from pool.map(lambda job: job(), jobs)


def singles(board):
    jobs = []
    for cause, (programs, make) in seeds.items():
        if board.arguments.only and cause != board.arguments.only:
            continue
        for index, program in enumerate(programs):
            rng = builds.seeded(board.arguments.seed, cause, program, index)
            jobs.append(lambda c=cause, p=program, m=make, r=rng: (c, p, *board.pair(p, *m(r, p, board.tools))))
    confusion, ranks, extra, equal = collections.Counter(), collections.Counter(), 0, []
    for cause, program, name, verdict, roots in board.run(jobs):
        right = ALSO_RIGHT.get(cause, {cause})
        answers = ranked(roots)
        if verdict == "identical":
            equal.append(f"{cause} in {program}")
            continue
        rank = next((i for i, answer in enumerate(answers) if answer in right), None)
        ranks["pairs"] += 1
        ranks["top1"] += rank == 0
        ranks["top3"] += rank is not None and rank < 3
        ranks["alone"] += len(roots) == 1
        extra += max(len(roots) - 1, 0)
        confusion[cause, cause if rank == 0 else answers[0] if answers else "nothing"] += 1
        if rank != 0 or board.arguments.verbose:
            print(f"  {cause} in {program} ({name}): {', '.join(answers[:4])}; {len(roots)} roots", flush=True)
    if equal:
        print("no difference was made by:", ", ".join(equal))
    return confusion, ranks, extra


def print_singles(confusion, ranks, extra):
    pairs = ranks["pairs"]
    if pairs == 0:
        sys.exit("causes: no pair that differs")
    print(f"\nsingle causes: {pairs} pairs of {len({seeded for seeded, _ in confusion})} causes: "
          f"top-1 {ranks['top1']} ({100 * ranks['top1'] / pairs:.1f} %), "
          f"top-3 {ranks['top3']} ({100 * ranks['top3'] / pairs:.1f} %), "
          f"one root alone {ranks['alone']}, further roots {extra}")
    print(f"{'seeded':24} {'told, how often'}")
    for cause in dict.fromkeys(seeded for seeded, _ in confusion):
        told = sorted(((count, answer) for (seeded, answer), count in confusion.items() if seeded == cause), reverse=True)
        print(f"{cause:24} " + ", ".join(f"{answer} {count}" for count, answer in told))


# What can be seeded together: each leaves the others visible.
TOGETHER = ["build-path-other", "build-path-runpath", "date-macro", "date-other", "user-host", "kernel-version",
            "vcs-revision", "random-id", "package-note", "hash-style", "link-order", "build-path-debug",
            "timestamp-macro", "leaked-address", "temp-name", "home-or-path", "flags-recorded", "build-path-macro"]


def drawn(board, rng, program, size, with_change):
    """Wishes for several causes of one program; drawn until no two ask for the same thing."""

    usable = [cause for cause in TOGETHER if program in seeds[cause][0]]
    for _ in range(1000):
        names = rng.sample(usable, size)
        pairs = [seeds[name][1](rng, program, board.tools) for name in names]
        if with_change:
            change = rng.choice([change[1:] for change in CHANGES if change[0] == program])
            pairs.append(({}, {"edits": [change]}))
        vendor, rebuilt = (builds.merged(*(pair[side] for pair in pairs)) for side in (0, 1))
        if vendor is not None and rebuilt is not None:
            return set(names), vendor, rebuilt
    raise RuntimeError(f"no {size} causes go together in {program}")


def sets(board, count, with_change):
    jobs = []
    programs = builds.LANGUAGES["c"] + builds.LANGUAGES["c++"]
    for index in range(count):
        rng = builds.seeded(board.arguments.seed, "sets", with_change, index)
        program = programs[index % len(programs)]
        names, vendor, rebuilt = drawn(board, rng, program, 1 if with_change else 2 + index % 2, with_change)
        jobs.append(lambda n=names, p=program, v=vendor, r=rebuilt: (n, p, *board.pair(p, v, r)))
    found = told = wanted = hidden = 0
    for names, program, name, _, roots in board.run(jobs):
        answers = {best(root) for root in roots} - DERIVED
        if with_change:
            hidden += UNKNOWN not in answers
        seeded = names | ({UNKNOWN} if with_change else set())
        found += len(answers & seeded)
        told += len(answers)
        wanted += len(seeded)
        if answers != seeded:
            print(f"  {' + '.join(sorted(seeded))} in {program} ({name}): {', '.join(sorted(answers))}", flush=True)
    what = "a cause and a changed line" if with_change else "two and three causes"
    print(f"{what}: {count} pairs: recall {100 * found / max(wanted, 1):.1f} % ({found} of {wanted}), "
          f"precision {100 * found / max(told, 1):.1f} % ({found} of {told})"
          + (f", changed lines explained away: {hidden}" if with_change else ""))


def changes(board):
    """Changed lines of source, which no cause may explain."""
    jobs = []
    for program, *edit in CHANGES:
        for flags in ([], ["-g"]):
            jobs.append(lambda p=program, e=tuple(edit), f=flags: (
                p, e, *board.pair(p, {"flags": f}, {"flags": f, "edits": [e]})))
    wrong = counted = 0
    for program, edit, name, verdict, roots in board.run(jobs):
        counted += 1
        answers = {best(root) for root in roots} - DERIVED
        innocent = answers - {UNKNOWN}
        if verdict != "different" or innocent or not answers:
            wrong += 1
            print(f"  {program}/{edit[0]} ({name}): {edit[1]!r} -> {edit[2]!r}: {verdict}, {', '.join(sorted(innocent))}")
    print(f"changed lines of source: {counted} pairs: {wrong} explained by a cause")


def main():
    parser = argparse.ArgumentParser(prog="scripts/causes")
    parser.add_argument("--elftally", required=True)
    parser.add_argument("--only", metavar="CAUSE", help="single pairs of this cause, and nothing else")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--part", choices=["singles", "sets", "changes"], help="this part, and nothing else")
    parser.add_argument("--sets", type=int, default=60, metavar="N", help="pairs of two and three causes (60)")
    parser.add_argument("--keep", metavar="DIRECTORY", help="keep the pairs there")
    parser.add_argument("--verbose", action="store_true", help="tell of those that are right, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as here:
        board = Board(arguments, pathlib.Path(here))
        parts = [arguments.part] if arguments.part else ["singles"] if arguments.only else ["singles", "sets", "changes"]
        if "singles" in parts:
            print_singles(*singles(board))
        if "sets" in parts:
            sets(board, arguments.sets, False)
            sets(board, arguments.sets // 2, True)
        if "changes" in parts:
            changes(board)


main()
