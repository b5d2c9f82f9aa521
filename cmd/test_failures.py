#!/usr/bin/env python3
"""Whole-program tests of elftally when memory runs out or a call fails, in it or in a library that it uses.

Each run ends as if nothing had happened, byte for byte, or with exit status 2, one line on standard error, and no
output. It never ends in a crash, and never in another verdict.

Usage: test_failures.py ELFTALLY SOURCE_ROOT FAILING [--every]    FAILING: the preloaded failing.c
       --every: each failure of each command, which takes minutes; without it, a fixed choice of them
"""
import io
import json
import lzma
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest

ELFTALLY = os.path.abspath(sys.argv[1])
ROOT = pathlib.Path(sys.argv[2]).resolve()
FAILING = os.path.abspath(sys.argv[3])
EVERY = "--every" in sys.argv[4:]
# Of each command: the first ones, and some up to the last.
FIRST, BEHIND = 2, 2
NONE, FOREVER = 0, 2**32


def chosen(count):
    if EVERY or count <= FIRST + BEHIND:
        return range(1, count + 1)
    step = (count - FIRST) / BEHIND
    return [*range(1, FIRST + 1), *(FIRST + round(step * i) for i in range(1, BEHIND + 1))]


def failures(count):
    """The first call that fails and the last: it alone, or it and all behind it, in turn."""
    for i, first in enumerate(chosen(count)):
        for j, last in enumerate((first, FOREVER)):
            if EVERY or i % 2 == j:
                yield first, last


def make_inputs(here):
    """Pairs of files: what differs in them takes each way through the library."""
    def gcc(output, *flags):
        subprocess.run(["gcc", "-O2", *flags, "-o", here / output, ROOT / "testdata/small.c"], check=True,
                       capture_output=True)
    gcc("debug", "-g")
    gcc("slow", "-g", "-O0")
    gcc("a.o", "-g", "-c", f"-fdebug-prefix-map={ROOT}=/one")
    gcc("b.o", "-g", "-c", f"-fdebug-prefix-map={ROOT}=/another/place")
    subprocess.run(["strip", "-o", here / "stripped", here / "debug"], check=True)
    (here / "mini.xz").write_bytes(lzma.compress((here / "debug").read_bytes()[:4096]))
    subprocess.run(["objcopy", "--compress-debug-sections=zlib", "--add-section", f".gnu_debugdata={here}/mini.xz",
                    here / "debug", here / "packed"], check=True)
    data = bytearray((here / "debug").read_bytes())
    data[data.index(b"rebuilt")] ^= 1
    (here / "changed").write_bytes(data)
    shutil.copy(here / "debug", here / "copy")
    reasons = [{"rule": "symbols", "reason": "nobody reads them in " + "this program " * 40},
               {"rule": "compression", "reason": "the same content"}]
    (here / "policy.json").write_text(json.dumps({"name": "ours", "rules": reasons}))
    for name, pair in (("report.json", ("debug", "packed")), ("differs.json", ("debug", "changed"))):
        with open(here / name, "wb") as report:
            subprocess.run([ELFTALLY, "--format", "json", *pair], stdout=report, cwd=here, check=name == "report.json")
    for side, other, mtime in (("tree-a", "debug", 1), ("tree-b", "packed", 2)):
        (here / side).mkdir()
        shutil.copy(here / "copy", here / side / "copy")
        shutil.copy(here / other, here / side / "packed")
        with tarfile.open(here / side / "a.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as archive:
            info = tarfile.TarInfo("hello")
            info.mtime, info.size = mtime, len(data)
            archive.addfile(info, io.BytesIO(data))
    pairs = [("debug", "packed"), ("debug", "changed"), ("debug", "copy"), ("debug", "policy.json")]
    (here / "pairs.tsv").write_text("id\tvendor\trebuilt\n" + "".join(f"{a}/{b}\t{a}\t{b}\n" for a, b in pairs))
    subprocess.run([ELFTALLY, "batch", "-q", "-o", "results", "pairs.tsv"], cwd=here, check=True)


# An explanation that memory was lacking for is not complete, and says so; the verdict stands. It has a test of its own.
PLAIN = ["--explain", "none"]
COMMANDS = {
    "text": [*PLAIN, "debug", "packed"],
    "digests": [*PLAIN, "--digest", "packed", "stripped"],
    "json": [*PLAIN, "--format", "json", "packed", "debug"],
    "different": [*PLAIN, "--format", "json", "debug", "changed"],
    "identical": ["debug", "copy"],
    "objects": [*PLAIN, "--format", "json", "a.o", "b.o"],
    "quiet": ["-q", "debug", "stripped"],
    "policy": [*PLAIN, "-p", "policy.json", "--format", "json", "debug", "packed"],
    "output": [*PLAIN, "-o", "made", "--format", "json", "debug", "stripped"],
    "verify": ["verify", "report.json", "debug", "packed"],
    "verify-different": ["verify", "differs.json", "debug", "changed"],
    "normalise": ["normalise", "-o", "made", "packed"],
    "digest": ["digest", "packed"],
    "merge": ["merge", "results"],
    "junit": ["merge", "-f", "junit", "-o", "made", "results"],
    "rules": ["rules", "--format", "json"],
    "help": ["--help"],
}
WITHOUT_SANDBOX = {"rules", "help", "merge", "junit"}
# What is printed before something fails cannot be taken back; these have no report that stands for itself.
PRINTED_AT_ONCE = {"verify", "verify-different", "digest", "rules", "help"}
WARNING = b"elftally: warning: --no-sandbox: a crafted file that takes over the program has all its rights\n"


class Failures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.here = pathlib.Path(cls.directory.name)
        make_inputs(cls.here)
        cls.counter, cls.stdout = cls.here / "counter", cls.here / "stdout"
        cls.kept = {path.name for path in cls.here.iterdir()} | {"counter", "stdout"}

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def run_failing(self, command, kind="memory", first=NONE, last=NONE, file_size=None):
        """Exit status, standard output, the file made, standard error; and how many calls there were."""
        self.counter.write_bytes(bytes(8))
        made = self.here / "made"
        made.unlink(missing_ok=True)
        environment = dict(os.environ, LD_PRELOAD=FAILING, FAILING=f"{self.counter}:{kind}:{first}:{last}")

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
        with open(self.stdout, "wb") as stdout:
            # Python ignores SIGXFSZ, and its children then do.
            result = subprocess.run([ELFTALLY, *command], cwd=self.here, env=environment, stdout=stdout,
                                    stderr=subprocess.PIPE, timeout=60,
                                    preexec_fn=limit if file_size is not None else None,
                                    restore_signals=file_size is None)
        outcome = (result.returncode, self.stdout.read_bytes(), made.read_bytes() if made.exists() else None,
                   result.stderr)
        made.unlink(missing_ok=True)
        left = {path.name for path in self.here.iterdir()} - self.kept
        for name in left:
            (self.here / name).unlink()
        self.assertEqual(left, set(), "a temporary file is left behind")
        return outcome, int.from_bytes(self.counter.read_bytes(), "little")

    def check(self, outcome, undisturbed, partial):
        """Either as if nothing had happened, or trouble that says so once."""
        if outcome == undisturbed:
            return
        status, stdout, made, stderr = outcome
        self.assertEqual(status, 2, stderr)
        self.assertRegex(stderr.removeprefix(WARNING), rb"\Aelftally: [^\n]+\n\Z")
        self.assertNotIn(b"please report", stderr)
        for report in [made] if partial else [stdout, made]:
            if report:
                self.assertEqual(json.loads(report)["verdict"], "inconclusive")

    def let_fail(self, kind, name, *options):
        command = [*COMMANDS[name], *options]
        undisturbed, count = self.run_failing(command, kind)
        self.assertEqual(undisturbed[3].removeprefix(WARNING), b"")
        for first, last in failures(count):
            with self.subTest(kind=kind, command=name, first=first, last=last):
                outcome, _ = self.run_failing(command, kind, first, last)
                self.check(outcome, undisturbed, partial=kind == "streams" or name in PRINTED_AT_ONCE)

    def test_the_sandbox_when_memory_runs_out(self):
        undisturbed, count = self.run_failing(COMMANDS["text"])
        for first, last in failures(count):
            with self.subTest(first=first, last=last):
                outcome, _ = self.run_failing(COMMANDS["text"], "memory", first, last)
                # libseccomp 2.5.4 frees twice then, and the worker dies of it before it has parsed anything.
                if b"the worker crashed" in outcome[3]:
                    self.assertEqual(outcome[:3], (2, b"", None))
                else:
                    self.check(outcome, undisturbed, partial=False)

    def test_an_explanation_when_memory_runs_out(self):
        """Trouble, or the verdict that there is without it."""
        for pair in (["debug", "changed"], ["a.o", "b.o"], ["debug", "slow"]):
            command = ["--no-sandbox", "--explain", "all", "--format", "json", *pair]
            undisturbed, count = self.run_failing(command)
            verdict = json.loads(undisturbed[1])["verdict"]
            for first in sorted({1 + count * i // 16 for i in range(16)}):
                with self.subTest(pair=pair, first=first):
                    (status, stdout, _, _), _ = self.run_failing(command, "memory", first, FOREVER if first % 2 else first)
                    self.assertIn(status, (2, undisturbed[0]))
                    if status != 2:
                        self.assertEqual(json.loads(stdout)["verdict"], verdict)

    def check_without_explanation(self, why, kind, *options, first=1, last=FOREVER):
        """All is as without an explanation, but for why there is none."""
        pair = ["debug", "slow"]
        plain, _ = self.run_failing(["--format", "json", *PLAIN, *options, *pair])
        made, count = self.run_failing(["--format", "json", *options, *pair], kind, first, last)
        self.assertGreaterEqual(count, first)
        self.assertEqual((made[0], *made[2:]), (plain[0], *plain[2:]))
        self.assertEqual(made[0], 1)
        report, without = json.loads(made[1]), json.loads(plain[1])
        explanation = report.pop("explanation")
        self.assertIsNone(without.pop("explanation"))
        self.assertEqual(report, without)
        self.assertRegex(explanation.pop("incomplete"), "^explaining failed, and the comparison was made once more "
                         f"without it: debug: .*{why}")
        self.assertEqual(explanation, {"consequences": 0, "environments": None, "roots": [], "listings": None,
                                       "differences": []})

    def test_a_crash_while_explaining_costs_the_explanation_alone(self):
        for options in ([], ["--no-sandbox"], ["--digest"]):
            self.check_without_explanation("the worker crashed", "crashes", *options)

    def test_a_crash_while_reporting_an_explanation_leaves_nothing_of_it(self):
        _, count = self.run_failing(["--format", "json", "debug", "slow"], "breaks")
        _, plain = self.run_failing(["--format", "json", *PLAIN, "debug", "slow"], "breaks")
        self.assertGreater(count, plain)
        for at in (1, plain, count):
            self.check_without_explanation("the worker crashed", "breaks", first=at, last=at)

    def test_a_limit_of_time_while_explaining_costs_the_explanation_alone(self):
        begin = time.monotonic()
        self.check_without_explanation("limit time, which is 1, is hit", "stalls", "--limit", "time=1")
        self.assertLess(time.monotonic() - begin, 10)

    def test_a_failed_explanation_is_told_as_text(self):
        text, _ = self.run_failing(["debug", "slow"], "crashes", 1, FOREVER)
        plain, _ = self.run_failing([*PLAIN, "debug", "slow"])
        told = [line for line in text[1].splitlines() if b"explaining failed" in line]
        self.assertEqual(len(told), 1)
        self.assertRegex(told[0], b"^the explanation is not complete: explaining failed, .*the worker crashed")
        self.assertEqual(text[1].replace(b"\n" + told[0] + b"\n", b"", 1), plain[1])
        self.assertEqual((text[0], *text[2:]), (plain[0], *plain[2:]))

    def test_an_interrupted_worker_has_no_second_one(self):
        for options in ([], ["-o", "made"]):
            outcome, count = self.run_failing(["--no-sandbox", *options, "debug", "slow"], "interrupts", 1, 1)
            self.assertEqual((outcome[:3], count), ((2, b"", None), 1))
            self.assertIn(b"the worker was interrupted (signal 2, Interrupt)", outcome[3])

    def test_a_second_worker_that_fails_is_the_last(self):
        outcome, _ = self.run_failing(["--format", "json", "debug", "slow"], "breaks", 1, FOREVER)
        self.assertEqual(outcome[0], 2)
        self.assertEqual(json.loads(outcome[1])["verdict"], "inconclusive")
        self.assertRegex(outcome[3], rb"\Aelftally: [^\n]+the worker crashed[^\n]+\n\Z")

    def test_a_batch_has_no_verdict_but_the_right_ones(self):
        """A pair may become inconclusive, or the run end in trouble, with only whole lines of its results."""
        command = ["batch", "-q", "-j", "1", "-o", "made", "--explain", "none", "pairs.tsv"]
        for kind, more in (("memory", ["--no-sandbox"]), ("calls", []), ("streams", [])):
            undisturbed, count = self.run_failing([*command, *more], kind)
            self.assertEqual(undisturbed[0], 0, undisturbed[3])
            right = {line["id"]: line["verdict"] for line in map(json.loads, undisturbed[2].splitlines())}
            self.assertEqual(sorted(right.values()), ["different", "equivalent", "identical", "inconclusive"])
            places = range(1, count + 1) if EVERY else sorted({1 + count * i // 12 for i in range(12)})
            for first in places:
                with self.subTest(kind=kind, first=first):
                    last = FOREVER if first % 2 else first
                    (status, _, made, stderr), _ = self.run_failing([*command, *more], kind, first, last)
                    self.assertIn(status, (0, 2), stderr)
                    self.assertNotIn(b"please report", stderr + (made or b""))
                    lines = list(map(json.loads, (made or b"").splitlines()))
                    self.assertTrue(status == 2 or len(lines) == len(right), stderr)
                    self.assertTrue(status == 0 or stderr.removeprefix(WARNING).startswith(b"elftally: "), stderr)
                    for line in lines:
                        self.assertIn(line["verdict"], (right[line["id"]], "inconclusive"))

    def test_trees_have_no_verdict_but_the_right_ones(self):
        """What fails is inconclusive, or the run ends in trouble; what is told is what there is."""
        command = ["-f", "json", "-j", "1", "-o", "made", "--explain", "none", "tree-a", "tree-b"]
        for kind, more in (("memory", ["--no-sandbox"]), ("calls", []), ("streams", [])):
            undisturbed, count = self.run_failing([*command, *more], kind)
            self.assertEqual(undisturbed[0], 0, undisturbed[3])
            right = {pair["path"]: pair["verdict"] for pair in json.loads(undisturbed[2])["pairs"]}
            self.assertEqual(right["packed"], "equivalent")
            self.assertEqual(right["a.tar.gz!"], "equivalent")
            places = range(1, count + 1) if EVERY else sorted({1 + count * i // 12 for i in range(12)})
            for first in places:
                with self.subTest(kind=kind, first=first):
                    last = FOREVER if first % 2 else first
                    (status, _, made, stderr), _ = self.run_failing([*command, *more], kind, first, last)
                    self.assertIn(status, (0, 2), stderr)
                    self.assertNotIn(b"please report", stderr + (made or b""))
                    if status == 2 and not made:
                        self.assertRegex(stderr.removeprefix(WARNING), rb"\Aelftally: [^\n]+\n\Z")
                        continue
                    report = json.loads(made)
                    self.assertEqual(report["verdict"], "equivalent" if status == 0 else "inconclusive")
                    for pair in report["pairs"]:
                        self.assertIn(pair["verdict"], (right[pair["path"]], "inconclusive"), pair)

    def let_the_disk_be_full(self, name):
        """As write(2) sees it, so within the C library too."""
        undisturbed, _ = self.run_failing(COMMANDS[name])
        for size in [0, *chosen(len(undisturbed[1] or undisturbed[2]) - 1)]:
            with self.subTest(command=name, size=size):
                outcome, _ = self.run_failing(COMMANDS[name], file_size=size)
                self.assertEqual(outcome[0], 2)
                self.check(outcome, undisturbed, partial=True)


def failing_test(kind, name, *options):
    return lambda self: self.let_fail(kind, name, *options)


def full_test(name):
    return lambda self: self.let_the_disk_be_full(name)


for command in COMMANDS:
    # The sandbox takes most of the memory; it has its own test.
    options = [] if command in WITHOUT_SANDBOX else ["--no-sandbox"]
    setattr(Failures, f"test_{command}_when_memory_runs_out", failing_test("memory", command, *options))
    setattr(Failures, f"test_{command}_when_a_call_fails", failing_test("calls", command))
    setattr(Failures, f"test_{command}_when_a_stream_fails", failing_test("streams", command))
    if command != "quiet":
        setattr(Failures, f"test_{command}_when_the_disk_is_full", full_test(command))

if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + [a for a in sys.argv[4:] if a != "--every"])
