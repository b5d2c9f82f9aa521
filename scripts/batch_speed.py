#!/usr/bin/env python3
"""What one and two workers take for pairs that differ, and how much memory the parent needs for many of them.

Usage: batch_speed.py ELFTALLY [PAIRS] [--runs N]
"""
import argparse
import os
import pathlib
import random
import subprocess
import tempfile
import time

FOLDERS = ("/usr/bin", "/usr/lib/x86_64-linux-gnu")
TICK = os.sysconf("SC_CLK_TCK")


def programs():
    for folder in map(pathlib.Path, FOLDERS):
        for path in sorted(folder.iterdir()):
            if not path.is_symlink() and path.is_file() and 50_000 < path.stat().st_size < 2_000_000:
                with path.open("rb") as file:
                    if file.read(4) == b"\x7fELF":
                        yield path


def make_pairs(here, count):
    """Each a program of this machine with three bits changed in its middle third."""
    chance, found, size = random.Random(2), list(programs()), 0
    lines = ["id\tvendor\trebuilt"]
    for i in range(count):
        data = bytearray(found[i % len(found)].read_bytes())
        (here / f"v{i}").write_bytes(data)
        for _ in range(3):
            data[chance.randrange(len(data) // 3, 2 * len(data) // 3)] ^= 1 << chance.randrange(8)
        (here / f"r{i}").write_bytes(data)
        size += 2 * len(data)
        lines.append(f"pair{i}\t{here}/v{i}\t{here}/r{i}")
    (here / "pairs.tsv").write_text("\n".join(lines) + "\n")
    # The same files under more ids: only the number of pairs is another.
    many = lines[:1] + [f"{copy}-{line}" for copy in range(10) for line in lines[1:]]
    (here / "many.tsv").write_text("\n".join(many) + "\n")
    return size


def run(elftally, here, manifest, jobs):
    """Seconds; the parent's most memory in kB; the parent's and all processor time."""
    out = here / "out"
    out.unlink(missing_ok=True)
    began, most, own = time.monotonic(), 0, 0.0
    process = subprocess.Popen([elftally, "batch", "-q", "-j", str(jobs), "-o", out, here / manifest])
    while process.poll() is None:
        try:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            most = max([most] + [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")])
            own, workers = (sum(map(int, fields[at:at + 2])) / TICK for at in (11, 13))
        except (OSError, IndexError):
            pass
        time.sleep(0.01)
    if process.returncode != 0:
        raise SystemExit(f"elftally ended with {process.returncode}")
    return time.monotonic() - began, most, own, own + workers


def run_apart(elftally, here):
    """Seconds of two batches of one job that share nothing, with half the pairs each: what the machine gives."""
    began = time.monotonic()
    halves = [subprocess.Popen([elftally, "batch", "-q", "-j", "1", "--shard", f"{i}/2", here / "pairs.tsv"],
                               stdout=subprocess.DEVNULL) for i in range(2)]
    if any([half.wait() for half in halves]):
        raise SystemExit("elftally failed")
    return time.monotonic() - began


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("elftally")
    parser.add_argument("pairs", nargs="?", type=int, default=300)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        here = pathlib.Path(directory)
        size = make_pairs(here, options.pairs)
        best, share, apart = {}, 0.0, float("inf")
        for _ in range(options.runs):
            apart = min(apart, run_apart(options.elftally, here))
            for jobs in (1, 2):
                seconds, memory, own, whole = run(options.elftally, here, "pairs.tsv", jobs)
                share = own / whole
                if jobs not in best or seconds < best[jobs][0]:
                    best[jobs] = (seconds, memory)
        print(f"{options.pairs} pairs, {size / 1e6:.0f} MB; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
        for jobs, (seconds, memory) in best.items():
            print(f"{jobs} at once: {seconds:.2f} s, {options.pairs / seconds:.0f} a second; parent {memory} kB")
        print(f"two are {best[1][0] / best[2][0]:.2f} times as fast as one; the parent takes {100 * share:.0f} % of the "
              "processor's time")
        print(f"two batches that share nothing: {best[1][0] / apart:.2f} times; on a busy machine neither tells much")
        seconds, memory, _, _ = run(options.elftally, here, "many.tsv", 2)
        print(f"{10 * options.pairs} pairs: {seconds:.2f} s, parent {memory} kB")


if __name__ == "__main__":
    main()
