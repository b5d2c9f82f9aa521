"""The measuring part of scripts/bench: pairs, programs, medians, ratios."""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("--elftally", required=True)
    parser.add_argument("--file")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--diffoscope", action="store_true")
    parser.add_argument("-o", "--output", default="bench.json")
    return parser.parse_args()


def big_library():
    listed = subprocess.run(["dpkg", "-L", "libllvm14"], capture_output=True, text=True, check=True).stdout
    return next(path for path in listed.split() if path.endswith("libLLVM-14.so.1") and not os.path.islink(path))


def section(path, name):
    """Offset and size of a section, by readelf."""
    lines = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True, check=True).stdout.splitlines()
    for line in lines:
        words = line.replace("[ ", "[").split()
        if len(words) > 5 and words[1] == name:
            return int(words[4], 16), int(words[5], 16)
    raise SystemExit(f"bench: {path} has no {name}")


def change(source, target, offset):
    shutil.copy(source, target)
    with open(target, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0xff]))


def pairs(source, where):
    """Name and the two files. The originals are copied, so that all lie in one file system."""
    original = shutil.copy(source, os.path.join(where, "original"))
    result = [("identical copy", original, shutil.copy(source, os.path.join(where, "copy")))]
    text, size = section(source, ".text")
    changed = os.path.join(where, "changed")
    change(source, changed, text + size // 2)
    result.append(("one byte of .text changed", original, changed))
    note, _ = section(source, ".note.gnu.build-id")
    identified = os.path.join(where, "build-id")
    change(source, identified, note + 16)
    result.append(("build ID changed", original, identified))
    stripped = os.path.join(where, "stripped")
    subprocess.run(["objcopy", "--strip-all", "--remove-section=.gnu_debuglink", "--remove-section=.comment",
                    "--remove-section=.note.gnu.gold-version", source, stripped], check=True)
    result.append(("stripped", original, stripped))
    return result


def measure(command, runs):
    """Median wall time in seconds and peak memory in bytes, whole and without the pages of mapped files."""
    times, peak, private = [], 0, 0
    for _ in range(runs + 1):
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        times.append(time.perf_counter() - begin)
        process.returncode = os.waitstatus_to_exitcode(status)
        peak = max(peak, usage.ru_maxrss * 1024)
    private = private_memory(command)
    return {"seconds": statistics.median(times[1:]), "peak": peak, "peak_beyond_maps": private,
            "exit": process.returncode, "runs": runs}


def private_memory(command):
    """The largest RssAnon seen while it runs, by stopping nothing: short runs may be seen too late, so many polls."""
    most = 0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
                for line in status:
                    if line.startswith("RssAnon:"):
                        most = max(most, int(line.split()[1]) * 1024)
        except OSError:
            pass
    return most


def main():
    options = arguments()
    source = options.file or big_library()
    programs = [("cmp", ["cmp", "-s"]), ("eu-elfcmp", ["eu-elfcmp", "-q"]), ("elftally", [options.elftally])]
    rows = []
    with tempfile.TemporaryDirectory() as where:
        print(f"{source}, {os.path.getsize(source):,} bytes; median of {options.runs} runs, files in the page cache")
        print(f"{'pair':28} {'program':11} {'exit':>4} {'seconds':>9} {'/cmp':>6} {'/elfcmp':>8} {'peak MB':>8} "
              f"{'beyond maps':>12}")
        for name, vendor, rebuilt in pairs(source, where):
            results = {program: measure([*command, vendor, rebuilt], options.runs) for program, command in programs}
            if options.diffoscope:
                results["diffoscope"] = measure(["diffoscope", "--text", "/dev/null", vendor, rebuilt], 1)
            for program, result in results.items():
                rows.append({"pair": name, "program": program, **result})
                print(f"{name:28} {program:11} {result['exit']:4} {result['seconds']:9.4f} "
                      f"{result['seconds'] / results['cmp']['seconds']:6.2f} "
                      f"{result['seconds'] / results['eu-elfcmp']['seconds']:8.2f} {result['peak'] / 1e6:8.1f} "
                      f"{result['peak_beyond_maps'] / 1e6:12.1f}")
    with open(options.output, "w", encoding="ascii") as output:
        json.dump({"file": source, "size": os.path.getsize(source), "rows": rows}, output, indent=1)
    print(f"written to {options.output}")


main()
