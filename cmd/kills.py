#!/usr/bin/env python3
"""kill -9, again and again, of workers of a batch and of the batch itself; then --resume, until all is done. What
elftally merge makes of it must be, byte for byte, what an undisturbed run gives.

Usage: kills.py ELFTALLY [ROUNDS] [--pairs N] [--seed N]    ROUNDS is 50
"""
import argparse
import gzip
import io
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time

BINARIES = pathlib.Path("/usr/bin")
# The search for leaks, at the end of a program that was built for it, is made by a child: one that is killed here would
# never come to an end.
ENVIRONMENT = dict(os.environ, ASAN_OPTIONS=":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "detect_leaks=0"))))


def programs(count):
    """Programs of this machine, small enough that many are judged in a second."""
    found = []
    for path in sorted(BINARIES.iterdir()):
        if path.is_symlink() or not path.is_file() or not 20_000 < path.stat().st_size < 300_000:
            continue
        with path.open("rb") as file:
            if file.read(4) == b"\x7fELF":
                found.append(path)
        if len(found) == count:
            break
    return found


def pack(path):
    """Makes a file an archive of itself and a larger one of it."""
    data, packed = path.read_bytes(), io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in (("usr/bin/one", data), ("usr/share/list.gz", gzip.compress(data * 20, 1, mtime=0))):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    path.write_bytes(packed.getvalue())


def make_pairs(here, count, chance):
    """A manifest of pairs that differ, are equal, are no ELF files, or are absent; some are archives of two files."""
    found, lines = programs(count), ["id\tvendor\trebuilt"]
    for i in range(count):
        vendor, rebuilt = here / f"v{i}", here / f"r{i}"
        data = bytearray(found[i % len(found)].read_bytes())
        vendor.write_bytes(data)
        kind = i % 10
        if kind == 0:
            vendor.write_bytes(b"no ELF")
        elif kind != 1:
            for _ in range(1 + kind % 3):
                data[chance.randrange(len(data) // 4, len(data))] ^= 1 << chance.randrange(8)
        if kind != 2 or i > 10:
            rebuilt.write_bytes(data)
        if kind == 9:
            pack(vendor), pack(rebuilt)
        lines.append(f"package{i % 7}/file{i}\t{vendor}\t{rebuilt}")
    manifest = here / "manifest.tsv"
    manifest.write_text("\n".join(lines) + "\n")
    return manifest


def merged(elftally, *results):
    return subprocess.run([elftally, "merge", *results], check=True, capture_output=True).stdout


def children(pid):
    try:
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def workers_of(process):
    """Those of an archive's worker, too."""
    own = children(process.pid)
    return own + [inner for pid in own for inner in children(pid)]


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False


def one_round(elftally, manifest, results, chance, typical):
    """How many workers and parents were killed on the way to the end."""
    workers = parents = 0
    for attempt in range(1000):
        process = subprocess.Popen([elftally, "batch", "-q", "-j", "3", "-o", results, "--resume", manifest],
                                   stderr=subprocess.PIPE, env=ENVIRONMENT)
        # The first attempts do not reach the end; the last is left alone.
        disturbed = attempt < 4
        dies = time.monotonic() + chance.uniform(0, typical) if disturbed and attempt != 2 else None
        while disturbed and process.poll() is None:
            if dies is not None and time.monotonic() > dies:
                parents += kill(process.pid)
                break
            running = workers_of(process)
            if running and chance.random() < 0.3:
                workers += kill(chance.choice(running))
            time.sleep(chance.uniform(0, typical / 10))
        errors = process.communicate()[1].decode()
        if process.returncode == 0 and not disturbed:
            return workers, parents
        if process.returncode not in (0, -signal.SIGKILL):
            raise SystemExit(f"elftally batch ended with {process.returncode}: {errors}")
    raise SystemExit("elftally batch comes to no end")


def run(elftally, rounds, pairs=60, seed=1, show=print):
    """The number of rounds whose merged result was the undisturbed one."""
    chance = random.Random(seed)
    right = workers = parents = 0
    with tempfile.TemporaryDirectory() as directory:
        here = pathlib.Path(directory)
        manifest = make_pairs(here, pairs, chance)
        began = time.monotonic()
        subprocess.run([elftally, "batch", "-q", "-j", "3", "-o", here / "undisturbed", manifest], check=True)
        typical = time.monotonic() - began
        wanted = merged(elftally, here / "undisturbed")
        assert wanted.count(b"\n") == pairs
        for number in range(rounds):
            results = here / f"results{number}"
            killed = one_round(elftally, manifest, results, chance, typical)
            same = merged(elftally, results) == wanted
            right += same
            workers += killed[0]
            parents += killed[1]
            if not same:
                shutil.copy(results, f"results-of-round-{number}")
                show(f"round {number}: another result, kept in results-of-round-{number}")
    show(f"{right} of {rounds} rounds came to the undisturbed result, bit for bit; killed: {workers} workers, "
         f"{parents} parents")
    return right, workers, parents


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("elftally")
    parser.add_argument("rounds", nargs="?", type=int, default=50)
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    done = run(os.path.abspath(options.elftally), options.rounds, options.pairs, options.seed)
    sys.exit(0 if done[0] == options.rounds and done[1] > 0 and done[2] > 0 else 1)
