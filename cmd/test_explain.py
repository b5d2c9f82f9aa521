#!/usr/bin/env python3
"""Explanations of real pairs: the root, its place and its cause; and that no verdict rests on them.

Usage: test_explain.py ELFTALLY SOURCE_ROOT
"""
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
HELLO = [ROOT / "testdata/hello" / name for name in ("hello.vendor", "hello.rebuilt")]
PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
static int first(int n) { return n * 3 + 1; }
__attribute__((noinline)) static int second(int n) { return n * 5 + LIMIT; }
__attribute__((noinline)) static int third(int n) { printf("third %d\n", n); return n ^ 17; }
__attribute__((noinline)) static int fourth(int n) { printf("fourth %d\n", n); return n ^ 18; }
int main(int argc, char **argv)
{
    printf("%s of %s, from %s\n", MESSAGE, __DATE__, __FILE__);
    return first(argc) + second(argc) + CALLED(atoi(argv[0])) + fourth(argc) + third(argc - 1);
}
"""


class Explanations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.here = pathlib.Path(cls.directory.name)

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def build(self, name, *flags, place="one", date="1700000000", limit="9", message="greetings", called="third"):
        folder = self.here / place
        folder.mkdir(exist_ok=True)
        (folder / "prog.c").write_text(PROGRAM)
        output = self.here / name
        subprocess.run(["gcc", *(flags or ["-O2", "-g"]), f"-DLIMIT={limit}", f'-DMESSAGE="{message}"',
                        f"-DCALLED={called}", "-gno-record-gcc-switches", "-o", output, folder / "prog.c"], check=True,
                       cwd=folder, env=dict(os.environ, SOURCE_DATE_EPOCH=date))
        return output

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
        self.assertEqual(report, without)
        for root in explanation["roots"]:
            self.assertFalse(explanation["differences"][root["difference"]]["consequence"])
        return explanation

    def causes(self, explanation):
        return [root["causes"][0]["id"] if root["causes"] else "unknown" for root in explanation["roots"]]

    def shown(self, explanation, index=0):
        return explanation["differences"][explanation["roots"][index]["difference"]]

    def test_debian_hello_has_one_root_the_year(self):
        explanation = self.explain(*HELLO)
        self.assertEqual(self.causes(explanation), ["date-other"])
        self.assertIn("0x7e6", self.shown(explanation)["vendor"]["value"])
        text = subprocess.run([ELFTALLY, *HELLO], capture_output=True, text=True).stdout
        self.assertLess(len(text.splitlines()), 15)

    def test_a_date_is_a_date(self):
        explanation = self.explain(self.build("a"), self.build("b", date="1600000000"))
        self.assertEqual(self.causes(explanation), ["date-macro"])

    def test_a_build_path_is_one_root_whatever_it_moves(self):
        for place in ("two", "a-much-longer-place"):
            explanation = self.explain(self.build("a"), self.build("b", place=place))
            self.assertEqual(len(explanation["roots"]), 1)
            self.assertTrue(self.causes(explanation)[0].startswith("build-path-"), self.causes(explanation))
        text = subprocess.run([ELFTALLY, self.here / "a", self.here / "b"], capture_output=True, text=True).stdout
        self.assertLess(len(text.splitlines()), 15, text)

    def test_a_changed_line_is_unknown_and_has_its_place(self):
        explanation = self.explain(self.build("a"), self.build("b", limit="10"))
        self.assertEqual(self.causes(explanation), ["unknown"])
        self.assertEqual(self.shown(explanation)["vendor"]["symbol"], "second")
        self.assertEqual(self.shown(explanation)["vendor"]["line"], 5)

    def test_a_changed_message_is_unknown(self):
        explanation = self.explain(self.build("a"), self.build("b", message="greetingz"))
        self.assertEqual(self.causes(explanation), ["unknown"])
        self.assertEqual(self.shown(explanation)["user"], "main")

    def test_another_function_called_is_unknown_even_where_all_moves(self):
        explanation = self.explain(self.build("a"), self.build("b", called="fourth", place="a-much-longer-place"))
        self.assertIn("unknown", self.causes(explanation))
        unknown = self.shown(explanation, self.causes(explanation).index("unknown"))
        self.assertEqual((unknown["kind"], unknown["vendor"]["symbol"]), ("code", "main"))

    def test_other_options_are_found_by_the_producer(self):
        flags = ["-grecord-gcc-switches", "-g"]
        (self.here / "one").mkdir(exist_ok=True)
        (self.here / "one/prog.c").write_text(PROGRAM)
        for name, level in (("a", "-O2"), ("b", "-O0")):
            subprocess.run(["gcc", level, *flags, "-DLIMIT=9", '-DMESSAGE="m"', "-DCALLED=third", "-o", self.here / name,
                            "prog.c"], check=True, cwd=self.here / "one", env=dict(os.environ, SOURCE_DATE_EPOCH="1"))
        self.assertEqual(self.causes(self.explain(self.here / "a", self.here / "b"))[0], "optimisation")

    def test_a_stripped_file_takes_the_names_of_the_other(self):
        vendor, rebuilt = self.build("a"), self.build("b", limit="10")
        subprocess.run(["strip", vendor], check=True)
        unknown = [self.shown(e := self.explain(vendor, rebuilt), self.causes(e).index("unknown"))]
        self.assertEqual(unknown[0]["vendor"]["symbol"], "second")
        self.assertTrue(unknown[0]["vendor"]["borrowed"])

    def test_objects_are_explained_by_their_relocations(self):
        explanation = self.explain(self.build("a.o", "-O2", "-c"), self.build("b.o", "-O2", "-c", called="fourth"))
        self.assertEqual(self.causes(explanation)[0], "unknown")
        self.assertEqual(self.shown(explanation)["kind"], "code")
        self.assertEqual([self.shown(explanation)[side]["value"] for side in ("vendor", "rebuilt")],
                         ["call third", "call fourth"])

    def compile_program(self, name, output, *flags):
        sources = sorted((ROOT / "testdata/programs" / name).glob("*.c"))
        subprocess.run(["gcc", "-O2", *flags, "-o", self.here / output, *sources], check=True)
        return self.here / output

    def test_the_size_of_a_string_follows_from_it(self):
        """fputs becomes fwrite, with the string's size as an immediate."""
        files = [self.compile_program("count", f"size-{place}", f'-DABOUT="/build/{place}/share/locale"')
                 for place in ("one", "a-longer-place")]
        explanation = self.explain(*files)
        self.assertEqual(self.causes(explanation), ["build-path-other"])
        self.assertEqual(self.shown(explanation)["kind"], "string")

    def test_operands_that_mean_the_same_are_no_root(self):
        """A longer string moves another, and a function whose bytes differ by that alone has not changed."""
        files = [self.compile_program("calc", f"operands-{index}", f'-DABOUT="{who}"', '-DLABEL="built by"')
                 for index, who in enumerate(("delta@grove", "juniper@alpha"))]
        self.assertEqual(self.causes(self.explain(*files)), ["user-host"])

    def test_a_size_that_is_no_string_s_stays_a_root(self):
        """The same two sources, with another change of a number in the same function."""
        files = [self.compile_program("count", f"year-{place}", f'-DABOUT="/build/{place}/share/locale"',
                                      f"-DYEAR={number}")
                 for place, number in (("one", 77), ("a-longer-place", 99))]
        self.assertEqual(sorted(self.causes(self.explain(*files))), ["build-path-other", "unknown"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
