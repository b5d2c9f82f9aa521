"""The measuring part of scripts/attacks: one row an attack, one column a program, the totals last."""
import collections
import concurrent.futures
import pathlib
import subprocess
import sys
import tempfile

from attacks import ATTACKS, Lab

TIMEOUT = 10  # seconds; eu-elfcmp can fail to end

# Their exit status of 0 says equal. diffoscope and elftally have 1 for different and 2 for trouble; abidiff's bits
# from 4 on say what changed, its lower ones trouble.
PEERS = {
    "eu-elfcmp": (["eu-elfcmp"], {0: "equal", 1: "different"}),
    "diffoscope": (["diffoscope", "--text", "/dev/null"], {0: "equal", 1: "different"}),
    "abidiff": (["abidiff"], {0: "equal", 4: "different", 8: "different", 12: "different"}),
}


def peer(name, vendor, rebuilt):
    command, words = PEERS[name]
    limit = TIMEOUT if name == "eu-elfcmp" else 120
    try:
        result = subprocess.run([*command, vendor, rebuilt], capture_output=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return "time-out"
    return words.get(result.returncode, "crash" if result.returncode < 0 else f"trouble ({result.returncode})")


def elftally(program, vendor, rebuilt):
    text = subprocess.run([program, vendor, rebuilt], capture_output=True, text=True, timeout=60)
    return "inconclusive" if text.returncode == 2 else text.stdout.split()[0]


def measure(program, attack, pair, here):
    vendor, rebuilt = here / "vendor", here / "rebuilt"
    for path, content in zip((vendor, rebuilt), pair):
        path.write_bytes(content)
        path.chmod(0o755)
    return [attack.name, *(peer(name, vendor, rebuilt) for name in PEERS), elftally(program, vendor, rebuilt)]


def main():
    program, root = sys.argv[1:]
    with tempfile.TemporaryDirectory() as where, concurrent.futures.ThreadPoolExecutor(2) as pool:
        here, rows = pathlib.Path(where), []
        lab = Lab(root, here)
        for index, attack in enumerate(ATTACKS):
            place = here / str(index)
            place.mkdir()
            rows.append(pool.submit(measure, program, attack, attack.pair(lab), place))
        rows = [row.result() for row in rows]
    columns = ["attack", *PEERS, "elftally"]
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    totals = [collections.Counter(row[column] for row in rows) for column in range(1, len(columns))]
    print(f"\n{len(rows)} attacks.")
    for column, total in zip(columns[1:], totals):
        print(f"- {column}: " + ", ".join(f"{count} {word}" for word, count in total.most_common()))
    equal = totals[-1]["identical"] + totals[-1]["equivalent"]
    return 1 if equal else 0


sys.exit(main())
