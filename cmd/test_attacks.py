#!/usr/bin/env python3
"""Every attack of the table is judged different or inconclusive, in both directions, and its harmless twin is not.

Usage: test_attacks.py ELFTALLY SOURCE_ROOT [--no-forgery]
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

import jsonschema

from attacks import ATTACKS, Lab
from forgery import acquitted

ELFTALLY = os.path.abspath(sys.argv[1])
FORGE = "--no-forgery" not in sys.argv
ROOT = pathlib.Path(sys.argv[2]).resolve()
SCHEMA = jsonschema.Draft202012Validator(json.loads((ROOT / "libcompare/report/report.schema.json").read_text()))


# Payloads in sections that are never loaded, whose inner structure the checker does not parse a second time.
NOT_PARSED_TWICE = {
    "an xz stream that holds no ELF file in .gnu_debugdata": "minidebuginfo",
    "a payload in .debug_info that is no DWARF": "debug-info",
    "a payload in .debug_abbrev that is no DWARF": "debug-info",
    "a payload behind the last unit of .debug_line": "debug-info",
    "a payload in .debug_str without an end": "debug-info",
    "a note of the gold linker with a payload": "unloaded-notes",
}


class Attacks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.here = pathlib.Path(cls.directory.name)
        cls.lab = Lab(ROOT, cls.here)
        cls.paths = cls.here / "vendor", cls.here / "rebuilt"

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def write(self, attack, armed):
        for path, content in zip(self.paths, attack.pair(self.lab, armed)):
            path.write_bytes(content)

    def compare(self, vendor, rebuilt, statuses):
        result = subprocess.run([ELFTALLY, "-f", "json", vendor, rebuilt], capture_output=True, timeout=60)
        self.assertIn(result.returncode, statuses, result.stdout[:300] + result.stderr)
        self.assertNotIn(b"\x1b", result.stdout + result.stderr)
        return json.loads(result.stdout)

    def check(self, attack, vendor, rebuilt):
        report = self.compare(vendor, rebuilt, (1, 2))
        SCHEMA.validate(report)
        if report["verdict"] == "different" and FORGE and vendor == self.paths[0]:
            self.verify(attack, report, vendor, rebuilt)
        self.assertIn(report["verdict"], ("different", "inconclusive"))
        if attack.anomaly:
            self.assertIn(attack.anomaly, [anomaly["id"] for anomaly in report["anomalies"]])
        if attack.section:
            unexplained = [row["name"] for row in report["sections"] if row["standing"] == "unexplained"]
            self.assertTrue(any(name.startswith(attack.section) for name in unexplained), unexplained)
        text = subprocess.run([ELFTALLY, "--all", vendor, rebuilt], capture_output=True, timeout=60)
        self.assertIn(text.returncode, (1, 2))
        self.assertNotIn(b"\x1b", text.stdout + text.stderr)

    def verified(self, report, vendor, rebuilt):
        path = self.here / "report.json"
        path.write_text(json.dumps(report))
        result = subprocess.run([ELFTALLY, "verify", path, vendor, rebuilt], capture_output=True, text=True, timeout=60)
        self.assertIn(result.returncode, (0, 1), result.stderr)
        return result.returncode == 0

    def verify(self, attack, report, vendor, rebuilt):
        """The checker confirms the report, and refuses it when the attack is set aside by whatever rule."""
        self.assertTrue(self.verified(report, vendor, rebuilt))
        for rule in [accepted["rule"] for accepted in report["policy"]["rules"]]:
            if self.verified(acquitted(report, rule), vendor, rebuilt):
                self.assertEqual(NOT_PARSED_TWICE.get(attack.name), rule)

    def test_no_attack_is_judged_equal(self):
        self.assertGreaterEqual(len(ATTACKS), 48)
        for attack in ATTACKS:
            with self.subTest(attack.name):
                self.write(attack, True)
                self.check(attack, *self.paths)
                self.check(attack, *reversed(self.paths))

    def test_without_its_payload_the_pair_is_judged_equal(self):
        for attack in ATTACKS:
            if attack.has_twin:
                with self.subTest(attack.name):
                    self.write(attack, False)
                    self.compare(*self.paths, (0,))
                    self.compare(*reversed(self.paths), (0,))

    def test_names_tell_the_attacks_apart(self):
        self.assertEqual(len({attack.name for attack in ATTACKS}), len(ATTACKS))


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    unittest.main(argv=sys.argv[:1], verbosity=1)
