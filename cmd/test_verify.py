#!/usr/bin/env python3
"""elftally verify: right reports pass, a report altered in any field that matters is refused.

Usage: test_verify.py ELFTALLY SOURCE_ROOT
"""
import copy
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from elf_file import RELA, Elf
from forgery import acquitted

ELFTALLY = os.path.abspath(sys.argv[1])
ROOT = pathlib.Path(sys.argv[2]).resolve()

# What describes and decides nothing: a change in it goes unseen. Everything else must be refused.
DESCRIBES = {
    ("tool", "name"), ("tool", "version"), ("vendor", "path"), ("rebuilt", "path"),
    ("policy", "name"), ("policy", "rules", "tier"), ("policy", "rules", "reason"),
    ("anomalies", "id"), ("anomalies", "message"), ("anomalies", "offset"),
    ("sections", "name"), ("sections", "owner"), ("sections", "differing"), ("sections", "moved"),
    ("sections", "rules"), ("findings", "section"),
}


def run(*arguments):
    return subprocess.run([ELFTALLY, *map(str, arguments)], capture_output=True, text=True, timeout=120)


def leaves(value, path=()):
    if isinstance(value, dict):
        for key in value:
            yield from leaves(value[key], path + (key,))
    elif isinstance(value, list):
        # The first, the last and one between stand for all.
        for index in sorted({0, len(value) // 2, len(value) - 1} if value else ()):
            yield from leaves(value[index], path + (index,))
    else:
        yield path, value


def altered(value):
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1] if value else [1]
    if value is None:
        return [0, "comment"]
    return [value + "0", "", None] if value else ["x"]


def replace(report, path, value):
    other = copy.deepcopy(report)
    place = other
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return other


class Verify(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.here = pathlib.Path(cls.directory.name)
        source = ROOT / "testdata/small.c"
        for name, flags in (("debug", ["-g"]), ("plain", []), ("debug.o", ["-g", "-c"]), ("plain.o", ["-c"])):
            subprocess.run(["gcc", "-O2", *flags, "-o", cls.here / name, source], check=True)
        subprocess.run(["objcopy", "--compress-debug-sections", cls.here / "debug.o", cls.here / "packed.o"],
                       check=True)
        (cls.here / "note").write_bytes(b"what no rule knows " * 200)
        for name, flags in (("foreign", []), ("packed", ["--compress-debug-sections"])):
            # A name that says debug, over bytes that are none: kept, and compared by its plain content.
            subprocess.run(["objcopy", f"--add-section=.debug_foreign={cls.here / 'note'}", *flags, cls.here / "debug",
                            cls.here / name], check=True)
        data = bytearray((cls.here / "plain").read_bytes())
        data[data.index(b"rebuilt")] ^= 1
        (cls.here / "changed").write_bytes(data)
        data[-1] ^= 1
        data[data.index(b"\x7fELF") + 0x3e] = 0  # e_shstrndx
        (cls.here / "odd").write_bytes(data)

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def verify(self, report, vendor, rebuilt):
        path = self.here / "report.json"
        path.write_text(json.dumps(report) if not isinstance(report, str) else report)
        return run("verify", path, self.here / vendor, self.here / rebuilt)

    def report(self, vendor, rebuilt, *options):
        result = run("--format", "json", *options, self.here / vendor, self.here / rebuilt)
        self.assertIn(result.returncode, (0, 1), result.stderr)
        return json.loads(result.stdout)

    def check(self, vendor, rebuilt, verdict):
        report = self.report(vendor, rebuilt)
        self.assertEqual(report["verdict"], verdict)
        found = self.verify(report, vendor, rebuilt)
        self.assertEqual(found.returncode, 0, found.stderr)
        self.assertTrue(found.stdout.startswith(f"verified: {verdict} (policy standard)\n"))
        return report

    def test_a_right_report_of_objects_that_cannot_be_told_is_verified(self):
        """A relocation's symbol that is not there: no rule applies, and yet no two views disagree."""
        vendor = Elf((self.here / "plain.o").read_bytes())
        entry = vendor.entries(".rela.text.startup", RELA)[0]
        entry.r_info = 0xffff << 32 | entry.r_info & 0xffffffff
        rebuilt = Elf(vendor.data)
        rebuilt.flip(".comment", 5)
        (self.here / "untold.o").write_bytes(vendor.data)
        (self.here / "changed.o").write_bytes(rebuilt.data)
        report = self.check("untold.o", "changed.o", "different")
        self.assertNotEqual(self.verify(acquitted(report, "comment"), "untold.o", "changed.o").returncode, 0)

    def test_right_reports_are_verified(self):
        self.check("debug", "plain", "equivalent")
        self.check("plain.o", "debug.o", "different")
        self.check("debug.o", "packed.o", "equivalent")
        self.check("foreign", "packed", "equivalent")
        self.check("debug", "changed", "different")
        self.check("changed", "odd", "different")
        self.check("plain", "foreign", "different")

    def test_an_altered_report_is_refused(self):
        passed, count = set(), 0
        for vendor, rebuilt in (("debug", "plain"), ("debug", "changed"), ("debug.o", "packed.o"),
                                ("changed", "odd")):
            report = self.report(vendor, rebuilt)
            for path, value in leaves(report):
                kind = tuple(key for key in path if isinstance(key, str))
                if kind in DESCRIBES or kind[0] in ("confinement", "debug_information", "explanation"):
                    continue
                for other in altered(value):
                    count += 1
                    found = self.verify(replace(report, path, other), vendor, rebuilt)
                    if found.returncode != 1 or not found.stderr.startswith("elftally: refused: "):
                        passed.add((kind, str(value)[:40], str(other)[:40], found.returncode))
        self.assertEqual(passed, set())
        self.assertGreater(count, 200)

    def test_a_part_that_is_missing_is_refused(self):
        report = self.report("debug", "changed")
        for key in ("format", "version", "verdict", "policy", "vendor", "rebuilt", "anomalies", "tally", "sections",
                    "findings", "extents"):
            other = {name: value for name, value in report.items() if name != key}
            self.assertEqual(self.verify(other, "debug", "changed").returncode, 1, key)
        for key in ("findings", "sections"):
            for index in (0, -1):
                other = copy.deepcopy(report)
                del other[key][index]
                self.assertEqual(self.verify(other, "debug", "changed").returncode, 1, key)

    def test_sums_by_rule_are_those_that_are_there(self):
        report = self.report("debug", "changed")
        for side in ("vendor", "rebuilt"):
            other = copy.deepcopy(report)
            other["tally"][side]["by_rule"]["no-such-rule"] = 0
            self.assertEqual(self.verify(other, "debug", "changed").returncode, 1)
        (self.here / "twin").write_bytes((self.here / "plain").read_bytes())
        report = self.report("plain", "twin")
        self.assertEqual(self.verify(report, "plain", "twin").returncode, 0)
        for side in ("vendor", "rebuilt"):
            other = copy.deepcopy(report)
            del other["tally"][side]["by_rule"]
            self.assertEqual(self.verify(other, "plain", "twin").returncode, 1)

    def test_a_consistent_forgery_is_refused(self):
        rules = [line.split()[0] for line in run("rules").stdout.splitlines() if line and line[0].islower()]
        rules = [rule for rule in rules if run("rules", rule).returncode == 0]
        self.assertGreater(len(rules), 11)
        for vendor, rebuilt in (("debug", "changed"), ("plain", "foreign"), ("changed", "odd")):
            report = self.report(vendor, rebuilt)
            for rule in rules:
                found = self.verify(acquitted(report, rule), vendor, rebuilt)
                self.assertEqual(found.returncode, 1, (vendor, rebuilt, rule, found.stdout))

    def test_a_different_verdict_without_cause_is_refused(self):
        report = self.report("debug", "plain")
        report["verdict"] = "different"
        self.assertEqual(self.verify(report, "debug", "plain").returncode, 1)

    def test_other_files_are_refused(self):
        report = self.report("debug", "plain")
        for vendor, rebuilt in (("plain", "debug"), ("debug", "changed"), ("changed", "plain"), ("debug", "debug")):
            found = self.verify(report, vendor, rebuilt)
            self.assertEqual(found.returncode, 1)
            self.assertIn("is not the one that was compared", found.stderr)

    def test_rules_outside_the_policy_are_refused(self):
        report = self.report("debug", "plain")
        report["policy"] = {"name": "exact", "rules": []}
        self.assertIn("not in the policy", self.verify(report, "debug", "plain").stderr)

    def test_what_is_no_report_is_refused_in_one_line(self):
        for text in ("", "{", "[]", "null", '{"format":"elftally-report","version":1,"verdict":"inconclusive"}',
                     '{"verdict":1,"verdict":2}', "[" * 100000):
            found = self.verify(text, "debug", "plain")
            self.assertEqual(found.returncode, 1, found.stderr)
            self.assertEqual(len(found.stderr.splitlines()), 1)

    def test_trouble_is_no_refusal(self):
        self.assertEqual(run("verify", self.here / "none", self.here / "debug", self.here / "plain").returncode, 2)
        self.assertEqual(run("verify", self.here / "debug").returncode, 2)
        self.assertEqual(run("verify", "--help").returncode, 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
