"""The measuring part of scripts/packages: pairs, what is told of them, and what it took."""
import argparse
import collections
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

import packages_large as large

# Small ones of several kinds of build system, in C and C++ (lzip, gperf, tinyxml2), and of several years: some were
# last built by Debian with the compiler of today's release, some with an older one.
PACKAGES = ["hello", "hostname", "ed", "bc", "less", "tree", "pv", "datefudge", "lzip", "gperf", "tinyxml2"]
RUNS = 5

Measured = collections.namedtuple("Measured", "seconds processor peak lines cut")


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/packages")
    parser.add_argument("--top", required=True, type=pathlib.Path)
    parser.add_argument("--elftally", required=True)
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--limit", type=float, default=1200)
    parser.add_argument("--no-diffoscope", action="store_true")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("names", nargs="*", default=PACKAGES)
    return parser.parse_args()


def measure(command, limit, output):
    """Seconds, those of the processor, peak memory in bytes of the largest process, lines; whether the limit was hit.

    GNU time starts the program, for a child of this process would begin with what this process has in memory.
    """
    with tempfile.NamedTemporaryFile("r") as measured, open(output, "wb") as told:
        subprocess.run(["/usr/bin/time", "-o", measured.name, "-f", "%e %U %S %M", "timeout", "--kill-after", "10",
                        f"{limit:f}", *command], stdout=told, stderr=subprocess.DEVNULL, check=False)
        lines = measured.read().splitlines()
    status = next((int(words[-1]) for words in map(str.split, lines) if words[:1] == ["Command"]), 0)
    seconds, user, system, peak = lines[-1].split()
    with open(output, "rb") as told:
        count = sum(1 for _ in told)
    return Measured(float(seconds), float(user) + float(system), int(peak) * 1024, count, status in (124, 137))


def median_seconds(command, runs):
    """To the millisecond, which GNU time does not tell."""
    script = "s=$EPOCHREALTIME; \"$@\" >/dev/null 2>&1; e=$EPOCHREALTIME; echo $(( ${e/./} - ${s/./} ))"
    return statistics.median(int(subprocess.run(["bash", "-c", script, "bash", *command], capture_output=True,
                                                text=True, check=True).stdout) / 1e6 for _ in range(runs))


class Row:
    def __init__(self, options, name, vendor, rebuilt, debug=None, runs=RUNS):
        extra = ["--rebuilt-debug", debug] if debug else []
        command = [options.elftally, *extra, vendor, rebuilt]
        self.name = name
        self.report = json.loads(subprocess.run([options.elftally, "-f", "json", "--bytes", "64", *extra, vendor,
                                                 rebuilt], capture_output=True, check=False).stdout)
        with tempfile.TemporaryDirectory() as here:
            told = os.path.join(here, "told")
            self.elftally = measure([*command], options.limit, told)
            self.text = pathlib.Path(told).read_text(encoding="ascii")
            self.seconds = median_seconds(command, runs)
            self.peer = None if options.no_diffoscope else measure(["diffoscope", "--text", "-", vendor, rebuilt],
                                                                   options.limit, told)

    def roots(self):
        explanation = self.report["explanation"]
        told = []
        for root in explanation["roots"] if explanation else []:
            best = root["causes"][0] if root["causes"] else None
            what = explanation["differences"][root["difference"]]["what"]
            told.append(best["id"] if best and best["confidence"] >= 50 else f"unknown ({what})")
        return told

    def cells(self):
        roots = self.roots()
        consequences = self.report["explanation"]["consequences"] if self.report["explanation"] else 0
        counted = ", ".join(f"{roots.count(root)} x {root}" if roots.count(root) > 1 else root
                            for root in dict.fromkeys(roots))
        mine, peer = self.elftally, self.peer
        cells = [self.name, self.report["verdict"], str(len(roots)), str(consequences), counted or "-", str(mine.lines),
                 f"{self.seconds:.3f}", f"{mine.processor:.2f}", f"{mine.peak / 1e6:.1f}"]
        if peer:
            more = "> " if peer.cut else ""
            cells += ["-" if peer.cut else str(peer.lines), f"{more}{peer.seconds:.2f}", f"{more}{peer.processor:.2f}",
                      f"{more}{peer.peak / 1e6:.1f}", f"{more}{peer.seconds / self.seconds:.0f}",
                      f"{more}{peer.peak / mine.peak:.1f}"]
        return cells


def heading(options):
    cells = ["file", "verdict", "roots", "consequences", "causes", "lines", "s", "CPU s", "MB"]
    if not options.no_diffoscope:
        cells += ["diffoscope: lines", "s", "CPU s", "MB", "times the time", "times the memory"]
    print("| " + " | ".join(cells) + " |\n|" + "---|" * len(cells), flush=True)


def show(row):
    print("| " + " | ".join(row.cells()) + " |", flush=True)


# ---- Packages ----

def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def trees(options, name, where):
    """The two trees of a package, made by scripts/try where they are not there yet."""
    if not (where / "rebuilt").is_dir():
        done = subprocess.run([options.top / "scripts/try", "--debug", "--keep", where, "--package", name],
                              capture_output=True, text=True, check=False)
        if not (where / "rebuilt").is_dir():
            print(f"packages: {name}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
            return None
    return where / "vendor", where / "rebuilt"


def pairs(vendor, rebuilt):
    for path in sorted(vendor.rglob("*")):
        other = rebuilt / path.relative_to(vendor)
        if path.is_file() and not path.is_symlink() and other.is_file() and is_elf(path) and is_elf(other):
            yield path, other


def debug_directory(rebuilt, package):
    directory = rebuilt / f"{package}-dbgsym/usr/lib/debug"
    return str(directory) if directory.is_dir() else None


def hello_is_right(row):
    """One root, in main, the year, with its line of source and a remedy."""
    explanation = row.report["explanation"]
    if row.roots() != ["date-other"] or not explanation["roots"][0]["causes"][0]["remedy"]:
        return False
    place = explanation["differences"][explanation["roots"][0]["difference"]]["rebuilt"]
    return place["symbol"] == "main" and re.search(r"src/hello\.c:\d+", f"{place['source']}:{place['line']} "
                                                   f"{place['inlined']}") is not None


def packages(options, here):
    rows, right = [], True
    heading(options)
    for name in options.names:
        both = trees(options, name, here / name)
        for vendor, rebuilt in pairs(*both) if both else []:
            package, file = vendor.relative_to(both[0]).parts[0], vendor.name
            row = Row(options, f"{package}: {file}", str(vendor), str(rebuilt), debug_directory(both[1], package))
            (here / f"{package}-{file}.txt").write_text(row.text, encoding="ascii")
            show(row)
            rows.append(row)
            if file == "hello":
                right = hello_is_right(row)
    print_totals(rows)
    if not right:
        print("hello: not the one root in main that was expected")
    return 0 if right else 1


def print_totals(rows):
    roots = [root for row in rows for root in row.roots()]
    unknown = sum(root.startswith("unknown") for root in roots)
    print(f"\n{len(rows)} files: {len(roots)} roots, {unknown} of unknown cause; "
          f"{sum(row.elftally.lines for row in rows)} lines in {sum(row.seconds for row in rows):.2f} s"
          + (f", diffoscope {sum(row.peer.lines for row in rows)} lines in "
             f"{sum(row.peer.seconds for row in rows):.2f} s" if rows and rows[0].peer else ""))


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as temporary:
        here = options.keep.resolve() if options.keep else pathlib.Path(temporary)
        here.mkdir(parents=True, exist_ok=True)
        if not options.large:
            return packages(options, here)
        large_pairs = large.pairs(here)
        heading(options)
        for name, vendor, rebuilt in large_pairs:
            show(Row(options, name, str(vendor), str(rebuilt), runs=3))
    return 0


if __name__ == "__main__":
    sys.exit(main())
