#!/usr/bin/env python3
"""The .buildinfo files of both builds: listed, weighed for the causes that were found, and never part of the verdict.

Usage: test_buildinfo.py ELFTALLY SOURCE_ROOT
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import jsonschema

ELFTALLY = os.path.abspath(sys.argv[1])
ROOT = pathlib.Path(sys.argv[2]).resolve()
SCHEMA = json.loads((ROOT / "libcompare/report/report.schema.json").read_text())
PROGRAM = """
#include <stdio.h>
int limit(int value) { return value > LIMIT ? LIMIT : value; }
int main(int count, char **arguments) { printf("%s %s %d\\n", __FILE__, arguments[0], limit(count)); return 0; }
"""
SIGNED = ("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{}"
          "-----BEGIN PGP SIGNATURE-----\n\niQ\n-----END PGP SIGNATURE-----\n")


def buildinfo(path, packages=("gcc-12 (= 12.2.0-14)", "bash (= 5.2)"), options="parallel=2", more=""):
    return (f"Format: 1.0\nSource: prog\nBinary: prog\nArchitecture: amd64\nVersion: 1-1\nBuild-Origin: Debian\n"
            f"Build-Architecture: amd64\nBuild-Date: Tue, 24 Nov 2026 10:00:00 +0000\nBuild-Path: {path}\n{more}"
            "Installed-Build-Depends:\n " + ",\n ".join(packages) + f'\nEnvironment:\n DEB_BUILD_OPTIONS="{options}"\n')


class Buildinfo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.where = pathlib.Path(cls.folder.name)
        cls.build("vendor", "one", 9)
        cls.build("rebuilt", "two", 9)
        cls.build("changed", "one", 10)
        cls.vendor_text = buildinfo(cls.where / "one")
        cls.rebuilt_text = buildinfo(cls.where / "two", ("gcc-12 (= 12.2.0-14+deb12u1)", "make (= 4.3)"), "parallel=8")
        (cls.where / "vendor.buildinfo").write_text(cls.vendor_text)
        (cls.where / "rebuilt.buildinfo").write_text(cls.rebuilt_text)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def build(cls, name, folder, limit):
        where = cls.where / folder
        where.mkdir(exist_ok=True)
        (where / "prog.c").write_text(PROGRAM)
        subprocess.run(["gcc", "-O2", "-g", f"-DLIMIT={limit}", "-o", cls.where / name, where / "prog.c"], check=True,
                       cwd=where)

    def compare(self, *options, vendor="vendor", rebuilt="rebuilt"):
        result = subprocess.run([ELFTALLY, *options, str(self.where / vendor), str(self.where / rebuilt)],
                                capture_output=True, text=True, check=False, timeout=100)
        # Sanitized builds, and some kernels, say that they are less confined.
        result.stderr = "".join(line for line in result.stderr.splitlines(True) if "less confined" not in line)
        return result

    def both(self, vendor="vendor.buildinfo", rebuilt="rebuilt.buildinfo"):
        return [f"--vendor-buildinfo={self.where / vendor}", f"--rebuilt-buildinfo={self.where / rebuilt}"]

    def report(self, *options, **files):
        result = self.compare("--format=json", *options, **files)
        report = json.loads(result.stdout)
        jsonschema.validate(report, SCHEMA)
        return report

    def write(self, name, text):
        (self.where / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return name

    # ---- What is told ----

    def test_differences_are_listed_and_support_the_cause(self):
        result = self.compare(*self.both())
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        self.assertIn("build environments: 2 settings, 3 packages differ\n", result.stdout)
        self.assertIn("\n  buildinfo Build-Path ", result.stdout)
        self.assertIn("\n  gcc-12 12.2.0-14 -> 12.2.0-14+deb12u1\n", result.stdout)
        self.assertIn("\n  bash 5.2 -> (none)\n", result.stdout)
        self.assertNotIn("signature", result.stdout)

    def test_the_json_report_holds_them_all(self):
        explanation = self.report(*self.both())["explanation"]
        environments = explanation["environments"]
        self.assertEqual(environments["vendor"], {"path": str(self.where / "vendor.buildinfo"), "clearsigned": False})
        self.assertEqual([d["name"] for d in environments["differences"]],
                         ["Build-Path", "gcc-12", "make", "DEB_BUILD_OPTIONS", "bash"])
        self.assertEqual(environments["differences"][2],
                         {"kind": "package", "name": "make", "vendor": None, "rebuilt": "4.3", "weight": 55})
        root = next(r for r in explanation["roots"] if r["causes"] and r["causes"][0]["id"] == "build-path-macro")
        self.assertEqual(root["support"], [0])
        shown = explanation["differences"][root["difference"]]["causes"][0]
        self.assertGreater(root["causes"][0]["confidence"], shown["confidence"])
        self.assertIsNone(self.report()["explanation"]["environments"])

    def test_a_signed_file_is_read_and_its_signature_said_not_to_be_checked(self):
        self.write("signed.buildinfo", SIGNED.format(self.vendor_text))
        result = self.compare(*self.both("signed.buildinfo"))
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        self.assertIn("  the signature of the vendor's .buildinfo file is not checked\n", result.stdout)
        environments = self.report(*self.both("signed.buildinfo"))["explanation"]["environments"]
        self.assertEqual([environments[s]["clearsigned"] for s in ("vendor", "rebuilt")], [True, False])

    def test_many_differences_are_counted_and_all_shown_on_demand(self):
        packages = [f"library{i}-dev (= 1)" for i in range(40)]
        self.write("many.buildinfo", buildinfo(self.where / "two", packages))
        self.assertIn(" more are not shown (--explain all)", self.compare(*self.both(rebuilt="many.buildinfo")).stdout)
        whole = self.compare("--explain=all", *self.both(rebuilt="many.buildinfo")).stdout
        self.assertTrue(all(f"  library{i}-dev (none) -> 1\n" in whole for i in range(40)))

    # ---- The verdict ----

    def test_the_verdict_and_the_account_are_the_same_with_and_without(self):
        def account(report):
            del report["explanation"], report["confinement"]
            return report
        for rebuilt in ("rebuilt", "changed", "vendor.copy"):
            if rebuilt == "vendor.copy":
                shutil.copy(self.where / "vendor", self.where / rebuilt)
            self.assertEqual(account(self.report(*self.both(), rebuilt=rebuilt)), account(self.report(rebuilt=rebuilt)))
            self.assertEqual(self.compare("-q", *self.both(), rebuilt=rebuilt).returncode,
                             self.compare("-q", rebuilt=rebuilt).returncode)

    def test_an_unknown_change_stays_unknown_whatever_the_files_say(self):
        """A vendor who claims another compiler, other flags, dates and paths for a changed source line."""
        self.write("lie.buildinfo", buildinfo("/build/other", ("gcc-12 (= 99)", "binutils (= 99)", "rustc (= 99)"),
                                              "noopt hardening=-all parallel=99", "Build-Kernel-Version: none\n"))
        plain, told = (self.report(*o, rebuilt="changed")["explanation"]["roots"] for o in
                       ([], self.both("lie.buildinfo")))
        self.assertIn([], [root["causes"] for root in plain])
        self.assertEqual([[c["id"] for c in root["causes"]] for root in plain],
                         [[c["id"] for c in root["causes"]] for root in told])
        self.assertTrue(all(root["support"] == [] for root in told if not root["causes"]))

    def test_a_report_with_them_is_verified(self):
        report = self.where / "report.json"
        self.compare("--format=json", f"--output={report}", *self.both())
        checked = subprocess.run([ELFTALLY, "verify", report, self.where / "vendor", self.where / "rebuilt"],
                                 capture_output=True, text=True, check=False, timeout=100)
        self.assertEqual(checked.returncode, 0, checked.stderr)

    # ---- What goes wrong ----

    def assert_told_in_one_line(self, options, *words):
        plain, result = self.compare(), self.compare(*options)
        self.assertEqual(result.returncode, plain.returncode)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)
        self.assertTrue(result.stderr.isascii() and result.stderr.rstrip("\n").isprintable())
        self.assertEqual(result.stdout, plain.stdout)

    def test_one_alone_is_not_used(self):
        for option in self.both():
            self.assert_told_in_one_line([option], "warning: ", "there is no other .buildinfo file")
        self.assert_told_in_one_line(self.both(rebuilt="vendor.buildinfo"), "it is the vendor's .buildinfo file, too")

    def test_malformed_files_are_told_with_their_line_and_change_nothing(self):
        cases = {
            "empty": ("", "no field"),
            "binary": ((self.where / "vendor").read_bytes(), "line 1: "),
            "cut": (self.vendor_text[:self.vendor_text.index("bash")], "comma: truncated?"),
            "unsigned": (SIGNED.format(self.vendor_text)[:-30], "truncated?"),
            "nul": (self.vendor_text.replace("amd64", "amd\0", 1), "line 4: a NUL byte"),
            "twice": (self.vendor_text + "Source: other\n", "a second time, after line 2"),
            "format": (self.vendor_text.replace("1.0", "7"), "line 1: a format that is not known"),
            "escapes": (self.vendor_text.replace("bash (", "\033]0;x\007("), "\\x1b]0;x\\x07("),
            "lines": (self.vendor_text + "\n" * 300000, "more than 200000 lines"),
            "large": (b"#" * (17 << 20), "more than the 16 MiB"),
        }
        for name, (text, word) in cases.items():
            with self.subTest(name):
                self.write(f"{name}.buildinfo", text)
                self.assert_told_in_one_line(self.both(f"{name}.buildinfo"), f"{name}.buildinfo: ", word, "(not used)")
                self.assert_told_in_one_line(self.both(rebuilt=f"{name}.buildinfo"), f"{name}.buildinfo: ", word)

    def test_a_stream_without_end_is_not_read_to_it(self):
        self.assert_told_in_one_line([self.both()[0], "--rebuilt-buildinfo=/dev/zero"], "more than the 16 MiB")

    def test_control_characters_are_escaped(self):
        self.write("hostile.buildinfo", buildinfo("/\033[31mred\u202e\u00e9", ("gcc-12 (= 1)",), "\033c\\\\\r"))
        for format_option in ("--format=text", "--format=json"):
            result = self.compare(format_option, "--explain=all", *self.both("hostile.buildinfo"))
            self.assertTrue(result.stdout.isascii() and result.stdout.replace("\n", "").isprintable())
            self.assertIn("x1b[31mred", result.stdout)

    def test_a_file_that_cannot_be_read_is_inconclusive_in_one_line(self):
        for name in ("none.buildinfo", "one"):
            for options in (self.both(name), self.both(rebuilt=name)):
                result = self.compare(*options)
                self.assertEqual((result.returncode, len(result.stderr.splitlines())), (2, 1))
                self.assertIn(name, result.stderr)

    def test_a_report_does_not_overwrite_them(self):
        for option in self.both():
            target = self.where / option.split("=")[1]
            before = target.read_bytes()
            self.assertEqual(self.compare(option, "-o", str(target)).returncode, 2)
            self.assertEqual(target.read_bytes(), before)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
