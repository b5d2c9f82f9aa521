"""The measuring part of scripts/trees: real packages, and a tree of many ELF files."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

PACKAGES = ["hello", "hostname", "ed", "bc", "less", "tree", "pv", "datefudge", "lzip", "gperf", "tinyxml2", "figlet"]
ELF_FOLDERS = ["/usr/bin", "/usr/sbin", "/usr/lib"]
RUNS = 5


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/trees")
    parser.add_argument("--top", required=True, type=pathlib.Path)
    parser.add_argument("--elftally", required=True)
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--no-diffoscope", action="store_true")
    parser.add_argument("--limit", type=float, default=600)
    parser.add_argument("--elf", nargs="?", const=3000, type=int)
    parser.add_argument("names", nargs="*", default=PACKAGES)
    return parser.parse_args()


def measure(command, limit=600):
    """Status, seconds, peak memory in bytes of the largest process, and what was printed."""
    with tempfile.NamedTemporaryFile("r") as measured:
        done = subprocess.run(["/usr/bin/time", "-o", measured.name, "-f", "%e %M", "timeout", f"{limit:f}", *map(str, command)],
                              capture_output=True, text=True, errors="replace", check=False)
        seconds, peak = measured.read().split()[-2:]
    return done.returncode, float(seconds), int(peak) * 1024, done.stdout


def table(*cells):
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


# ---- Packages ----

def rebuilt_packages(options, name, where):
    """Pairs of .debs of one source package, made by scripts/try where they are not there yet."""
    packages = where / "packages"
    if not packages.is_dir():
        done = subprocess.run([options.top / "scripts/try", "--debug", "--keep", where, "--package", name],
                              capture_output=True, text=True, check=False)
        if not packages.is_dir():
            print(f"{name}: {(done.stderr or done.stdout).strip().splitlines()[-1:]}", file=sys.stderr)
            return
    rebuilt = {path.name.split("_")[0]: path for path in (packages / "rebuilt").glob("*.deb")}
    for path in sorted((packages / "vendor").glob("*.deb")):
        if path.name.split("_")[0] in rebuilt:
            yield path, rebuilt[path.name.split("_")[0]]


def package_row(options, vendor, rebuilt):
    status, seconds, peak, told = measure([options.elftally, "-f", "json", vendor, rebuilt])
    report = json.loads(told)
    # Every byte of both has its standing, those that were decompressed too.
    for side in report["tally"].values():
        assert side["identical"] + side["set_aside"] + side["unexplained"] == side["size"], vendor
    seconds = statistics.median([seconds] + [measure([options.elftally, vendor, rebuilt])[1] for _ in range(RUNS - 1)])
    counts = report["counts"]
    roots = ", ".join(f"{group['cause']} ({group['files']})" for group in report["groups"] if group["cause"])
    cells = [vendor.name.split("_")[0], report["verdict"], len(report["pairs"]), counts["different"],
             counts["only_vendor"] + counts["only_rebuilt"], counts["inconclusive"],
             report["tally"]["vendor"]["unexplained"], roots or "-", f"{seconds:.2f}", f"{peak / 1e6:.0f}"]
    if not options.no_diffoscope:
        _, peer_seconds, peer_peak, peer_told = measure(["diffoscope", "--text", "-", vendor, rebuilt], options.limit)
        cells += [f"{peer_seconds:.1f}", f"{peer_peak / 1e6:.0f}", len(peer_told.splitlines())]
    table(*cells)
    return status


def compare_packages(options):
    heading = ["package", "verdict", "pairs", "different", "of one side", "inconclusive", "bytes unexplained", "roots (files)",
               "s", "MB"]
    if not options.no_diffoscope:
        heading += ["diffoscope: s", "MB", "lines"]
    table(*heading)
    table(*["---"] * len(heading))
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.names:
            for vendor, rebuilt in rebuilt_packages(options, name, (options.keep or pathlib.Path(scratch)) / name):
                package_row(options, vendor, rebuilt)
    return 0


# ---- Many ELF files ----

def elf_files():
    for folder in ELF_FOLDERS:
        for root, folders, files in os.walk(folder):
            folders.sort()
            for name in sorted(files):
                path = os.path.join(root, name)
                try:
                    if not os.path.islink(path) and 8000 < os.path.getsize(path) < 400000:
                        with open(path, "rb") as file:
                            if file.read(4) == b"\x7fELF":
                                yield path
                except OSError:
                    continue


def middle_of_rodata(path, size):
    for line in subprocess.run(["readelf", "-SW", path], capture_output=True, text=True, check=False).stdout.splitlines():
        if " .rodata " in line:
            words = line.split("]", 1)[1].split()
            return int(words[3], 16) + int(words[4], 16) // 2
    return size // 2


def make_trees(top, count):
    """Two trees of this many files, those of every 33rd place changed in a byte; the paths of these."""
    changed, sources = [], list(elf_files())
    for i in range(count):
        source = sources[i % len(sources)]
        path = f"{i // 100:03}/{i:06}-{os.path.basename(source)}"
        with open(source, "rb") as file:
            data = bytearray(file.read())
        for side in ("vendor", "rebuilt"):
            (top / side / path).parent.mkdir(parents=True, exist_ok=True)
            if side == "rebuilt" and i % 33 == 7:
                place = middle_of_rodata(source, len(data))
                data[place if place < len(data) else len(data) // 2] ^= 1
                changed.append(path)
            (top / side / path).write_bytes(data)
    return changed


def compare_elf(options, top, count):
    changed = make_trees(top, count)
    vendor, rebuilt = top / "vendor", top / "rebuilt"
    told = json.loads(measure([options.elftally, "-f", "json", vendor, rebuilt])[3])
    # What no rule may set aside is noticed; a byte of a section for debuggers may have been set aside.
    noticed = {pair["path"] for pair in told["pairs"] if pair["verdict"] not in ("identical", "inconclusive")}
    inconclusive = [pair["path"] for pair in told["pairs"] if pair["verdict"] == "inconclusive"]
    rows = {"elftally --jobs 1": [options.elftally, "-j", "1", vendor, rebuilt],
            "elftally --jobs 2": [options.elftally, "-j", "2", vendor, rebuilt],
            "diff -rq": ["diff", "-rq", vendor, rebuilt],
            "eu-elfcmp in a loop": ["bash", "-c", "cd \"$0\" && find . -type f -exec eu-elfcmp -q {} \"$1\"/{} \\;", vendor,
                                    rebuilt]}
    for name, command in rows.items():
        runs = [measure(command)[1:3] for _ in range(RUNS)]
        table(count, len(changed), name, f"{statistics.median(run[0] for run in runs):.2f}",
              f"{max(run[1] for run in runs) / 1e6:.1f}")
    missed = set(changed) - noticed - set(inconclusive)
    if missed:
        print(f"unnoticed: {sorted(missed)[:5]}", file=sys.stderr)
    return 1 if missed else 0


def only_changed(options, top, count):
    """Two workers against one on pairs that all differ."""
    changed = make_trees(top, count * 33)
    for side in ("vendor", "rebuilt"):
        for path in list((top / side).rglob("*")):
            if path.is_file() and str(path.relative_to(top / side)) not in changed:
                path.unlink()
    seconds = {jobs: statistics.median(measure([options.elftally, "-q", "-j", jobs, top / "vendor", top / "rebuilt"])[1]
                                       for _ in range(RUNS)) for jobs in (1, 2)}
    print(f"\n{len(changed)} pairs that differ: {seconds[1]:.2f} s with one worker, {seconds[2]:.2f} s with two: "
          f"{seconds[1] / seconds[2]:.2f} times faster")


def compare_elf_trees(options):
    table("files", "changed", "program", "s", "MB")
    table(*["---"] * 5)
    status = 0
    for count in (options.elf // 10, options.elf):
        with tempfile.TemporaryDirectory() as top:
            status |= compare_elf(options, pathlib.Path(top), count)
    with tempfile.TemporaryDirectory() as top:
        only_changed(options, pathlib.Path(top), 100)
    return status


def main():
    options = arguments()
    if options.keep:
        options.keep = options.keep.resolve()
    return compare_elf_trees(options) if options.elf else compare_packages(options)


sys.exit(main())
