"""What the tests of explanations share: a pair is built, and explained."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import jsonschema

ELFTALLY = os.path.abspath(sys.argv[1])
ROOT = pathlib.Path(sys.argv[2]).resolve()
SCHEMA = json.loads((ROOT / "libcompare/report/report.schema.json").read_text())


class Explained(unittest.TestCase):
    """Pairs are built in a directory of their own, and explained."""

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.here = pathlib.Path(cls.directory.name)

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def explain(self, vendor, rebuilt):
        """The explanation; the verdict and the account are the same without it."""
        told = subprocess.run([ELFTALLY, "-f", "json", vendor, rebuilt], capture_output=True, text=True, timeout=120)
        plain = subprocess.run([ELFTALLY, "-f", "json", "--explain", "none", vendor, rebuilt], capture_output=True,
                               text=True, timeout=120)
        report, without = json.loads(told.stdout), json.loads(plain.stdout)
        jsonschema.validate(report, SCHEMA)
        jsonschema.validate(without, SCHEMA)
        self.assertEqual(told.returncode, plain.returncode)
        explanation = report.pop("explanation")
        self.assertIsNone(without.pop("explanation"))
        report.pop("debug_information")
        self.assertIsNone(without.pop("debug_information"))
        self.assertEqual(report, without)
        for root in explanation["roots"]:
            self.assertFalse(explanation["differences"][root["difference"]]["consequence"])
        return explanation

    def causes(self, explanation):
        return [root["causes"][0]["id"] if root["causes"] else "unknown" for root in explanation["roots"]]

    def shown(self, explanation, index=0):
        return explanation["differences"][explanation["roots"][index]["difference"]]

    def pair_of(self, source, vendor, rebuilt, *flags):
        """Both sides of one source, in which PLACE, SIZE, LABEL and KEPT stand for what differs."""
        (self.here / "pair.c").write_text(source)
        files = []
        for name, values in (("pair-v", vendor), ("pair-r", rebuilt)):
            subprocess.run(["gcc", "-O2", *flags, *(f"-D{key}={value}" for key, value in values.items()), "-o",
                            self.here / name, self.here / "pair.c"], check=True)
            files.append(self.here / name)
        return self.explain(*files)
