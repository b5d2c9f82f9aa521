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


def measure(program, pair, here):
    """What each program says of a pair, in the order of the columns."""
    here.mkdir()
    vendor, rebuilt = here / "vendor", here / "rebuilt"
    for path, content in zip((vendor, rebuilt), pair):
        path.write_bytes(content)
        path.chmod(0o755)
    return [*(peer(name, vendor, rebuilt) for name in PEERS), elftally(program, vendor, rebuilt)]


def show_totals(what, rows, programs):
    print(f"\n{len(rows)} {what}.")
    for column, name in enumerate(programs):
        total = collections.Counter(row[column] for row in rows)
        print(f"- {name}: " + ", ".join(f"{count} {word}" for word, count in total.most_common()))


def main():
    program, root = sys.argv[1:]
    with tempfile.TemporaryDirectory() as where, concurrent.futures.ThreadPoolExecutor(2) as pool:
        here = pathlib.Path(where)
        lab = Lab(root, here)
        armed = [pool.submit(measure, program, attack.pair(lab), here / f"attack-{index}")
                 for index, attack in enumerate(ATTACKS)]
        twins = [pool.submit(measure, program, attack.pair(lab, False), here / f"twin-{index}")
                 for index, attack in enumerate(ATTACKS) if attack.has_twin]
        armed, twins = [row.result() for row in armed], [row.result() for row in twins]
    programs = [*PEERS, "elftally"]
    print("| " + " | ".join(["attack", *programs]) + " |\n|" + "---|" * (len(programs) + 1))
    for attack, row in zip(ATTACKS, armed):
        print("| " + " | ".join([attack.name, *row]) + " |")
    show_totals("attacks", armed, programs)
    show_totals("harmless twins, which differ only in what a rule may set aside, or not at all", twins, programs)
    return 1 if any(row[-1] in ("identical", "equivalent") for row in armed) else 0


sys.exit(main())
