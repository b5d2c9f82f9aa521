#!/usr/bin/env python3
"""Tests of elftally causes: the table, each row of it, and what is no row.

Usage: test_causes.py ELFTALLY SOURCE_ROOT
"""
import json
import os
import pathlib
import subprocess
import sys
import unittest

ELFTALLY = os.path.abspath(sys.argv[1])
ROOT = pathlib.Path(sys.argv[2]).resolve()
FIELDS = ["title", "footprint", "evidence", "remedy"]


def run(*arguments):
    return subprocess.run([ELFTALLY, *arguments], capture_output=True, text=True, timeout=60)


class Causes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.causes = json.loads(run("causes", "--format", "json").stdout)

    def test_every_cause_has_all_its_fields_and_an_id_of_its_own(self):
        self.assertGreater(len(self.causes), 55)
        self.assertEqual(len({cause["id"] for cause in self.causes}), len(self.causes))
        for cause in self.causes:
            self.assertRegex(cause["id"], r"^[a-z0-9-]{2,22}$")
            for field in FIELDS:
                self.assertTrue(cause[field], (cause["id"], field))

    def test_every_cause_is_listed_with_its_mark_and_title(self):
        result = run("causes")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        lines = result.stdout.splitlines()
        for cause in self.causes:
            mark = "CODE" if cause["code"] else ""
            self.assertIn(f"{cause['id']:<22} {mark:<5} {cause['title']}", lines)

    def test_every_cause_is_explained_in_all_its_fields(self):
        for cause in self.causes:
            result = run("causes", cause["id"])
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertEqual(result.stdout.split()[0], cause["id"])
            self.assertEqual("CODE" in result.stdout.splitlines()[0], cause["code"])
            for field in FIELDS:
                self.assertIn(" " + cause[field] + "\n", result.stdout)
            self.assertEqual(f"Debian       {cause['debian']}\n" in result.stdout, cause["debian"] is not None)
            self.assertEqual(json.loads(run("causes", cause["id"], "-f", "json").stdout), [cause])

    def test_what_changes_what_runs_is_marked(self):
        marked = {cause["id"] for cause in self.causes if cause["code"]}
        self.assertEqual(marked, {"compiler-hash-order", "pgo", "march-drift", "optimisation", "hardening-flags",
                                  "compiler-version", "c-library", "randstruct", "pie"})

    def test_an_unknown_id_is_trouble_in_one_line(self):
        for wrong in ("nonsense", "", "date-macro\n", "a\x1b[31mb\nc", "x" * 5000):
            result = run("causes", wrong)
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertEqual(len(result.stderr.splitlines()), 1)
            self.assertTrue(result.stderr.startswith("elftally: no such cause"))
            self.assertNotIn("\x1b", result.stderr)

    def test_wrong_usage_is_trouble_in_one_line(self):
        for wrong in (("--nonsense",), ("--format", "xml"), ("date-macro", "pie"), ("--format",)):
            result = run("causes", *wrong)
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertEqual(len(result.stderr.splitlines()), 1)

    def test_help_and_manual_and_completion_know_the_command(self):
        self.assertIn("elftally causes [ID]", run("causes", "--help").stdout)
        self.assertIn("elftally causes [ID]", run("--help").stdout)
        self.assertIn(".It Cm causes", (ROOT / "cmd/elftally.1").read_text())
        completion = f". {ROOT}/cmd/elftally.bash; COMP_WORDS=(elftally causes date-m); COMP_CWORD=2; _elftally; " \
                     'echo "${COMPREPLY[@]}"'
        environment = {**os.environ, "PATH": f"{os.path.dirname(ELFTALLY)}:{os.environ['PATH']}"}
        words = subprocess.run(["bash", "-c", completion], capture_output=True, text=True, env=environment, timeout=60)
        self.assertEqual(words.stdout.split(), ["date-macro"], words.stderr)


if __name__ == "__main__":
    sys.argv[1:] = []
    unittest.main()
