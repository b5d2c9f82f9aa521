#!/usr/bin/env python3
"""Separate debug files: found by build ID in every layout, of another build told, unreadable inconclusive in one line.

Usage: test_debug_files.py ELFTALLY SOURCE_ROOT
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ELFTALLY = os.path.abspath(sys.argv[1])
ROOT = pathlib.Path(sys.argv[2]).resolve()


def build(where, name, *flags):
    """A program, stripped, and its debug file; the build ID in hexadecimal digits."""
    whole, stripped, debug = where / f"{name}.whole", where / name, where / f"{name}.debug"
    subprocess.run(["gcc", "-g", *flags, "-o", whole, ROOT / "testdata/small.c"], check=True)
    subprocess.run(["objcopy", "--only-keep-debug", whole, debug], check=True)
    subprocess.run(["objcopy", "--strip-all", whole, stripped], check=True)
    notes = subprocess.run(["readelf", "-n", whole], check=True, capture_output=True, text=True).stdout
    return next((line.split()[-1] for line in notes.splitlines() if "Build ID" in line), None)


class DebugFiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.where = pathlib.Path(cls.folder.name)
        cls.vendor_id = build(cls.where, "vendor", "-O2")
        cls.rebuilt_id = build(cls.where, "rebuilt", "-O1")
        build(cls.where, "anonymous", "-O2", "-Wl,--build-id=none")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def compare(self, *options, vendor="vendor", rebuilt="rebuilt"):
        result = subprocess.run([ELFTALLY, *options, str(self.where / vendor), str(self.where / rebuilt)],
                                capture_output=True, text=True, check=False, timeout=100)
        # Sanitized builds, and some kernels, say that they are less confined.
        result.stderr = "".join(line for line in result.stderr.splitlines(True) if "less confined" not in line)
        return result

    def debug(self, side, name):
        return f"--{side}-debug={self.where / name}"

    def lay(self, layout, build_id, debug):
        directory = self.where / f"tree{len(list(self.where.glob('tree*')))}"
        place = directory / layout / build_id[:2]
        place.mkdir(parents=True)
        shutil.copy(self.where / debug, place / f"{build_id[2:]}.debug")
        return directory

    def test_the_right_files_are_taken_without_a_word_and_change_no_verdict(self):
        plain = self.compare()
        with_debug = self.compare(self.debug("vendor", "vendor.debug"), self.debug("rebuilt", "rebuilt.debug"))
        self.assertEqual((plain.returncode, with_debug.returncode, with_debug.stderr), (1, 1, ""))
        self.assertEqual(plain.stdout.splitlines()[0], with_debug.stdout.splitlines()[0])

    def test_a_directory_is_searched_by_build_id_in_each_layout(self):
        for layout in (".build-id", ".", "usr/lib/debug/.build-id"):
            directory = self.lay(layout, self.vendor_id, "vendor.debug")
            result = self.compare(f"--vendor-debug={directory}")
            self.assertEqual((result.returncode, result.stderr), (1, ""), layout)

    def test_what_a_directory_has_is_really_opened(self):
        directory = self.lay(".build-id", self.vendor_id, "vendor.debug")
        file = next(directory.rglob("*.debug"))
        file.write_bytes(b"\x7fELF")
        result = self.compare(f"--vendor-debug={directory}")
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (2, 1))
        self.assertIn(str(file), result.stderr)

    def test_a_directory_without_the_file_is_told(self):
        directory = self.lay(".build-id", self.rebuilt_id, "rebuilt.debug")
        result = self.compare(f"--vendor-debug={directory}")
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"has no debug file for build ID {self.vendor_id}", result.stderr)

    def test_a_file_without_build_id_cannot_be_searched_for(self):
        directory = self.lay(".build-id", self.vendor_id, "vendor.debug")
        result = self.compare(f"--vendor-debug={directory}", vendor="anonymous")
        self.assertEqual(result.returncode, 1)
        self.assertIn("no build ID", result.stderr)

    def test_without_build_id_a_file_of_the_same_machine_is_taken(self):
        result = self.compare(self.debug("vendor", "anonymous.debug"), vendor="anonymous")
        self.assertEqual((result.returncode, result.stderr), (1, ""))

    def test_a_file_of_another_build_is_told_and_not_used(self):
        result = self.compare(self.debug("vendor", "rebuilt.debug"))
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (1, 1))
        self.assertIn("another build", result.stderr)
        swapped = self.compare(self.debug("rebuilt", "anonymous.debug"))
        self.assertIn("another build", swapped.stderr)

    def test_a_file_that_cannot_be_read_is_inconclusive_in_one_line(self):
        (self.where / "text").write_text("not an ELF file\n", encoding="ascii")
        (self.where / "cut").write_bytes((self.where / "vendor.debug").read_bytes()[:100])
        for name in ("none", "text", "cut"):
            for side in ("vendor", "rebuilt"):
                result = self.compare(self.debug(side, name))
                self.assertEqual((result.returncode, len(result.stderr.splitlines())), (2, 1), name)
                self.assertIn(name, result.stderr)

    def test_a_debug_file_made_by_eu_strip_is_taken(self):
        shutil.copy(self.where / "vendor.whole", self.where / "split")
        subprocess.run(["eu-strip", "-f", self.where / "eu.debug", self.where / "split"], check=True)
        result = self.compare(self.debug("vendor", "eu.debug"))
        self.assertEqual((result.returncode, result.stderr), (1, ""))

    def test_a_report_does_not_overwrite_a_debug_file(self):
        target = self.where / "vendor.debug"
        before = target.read_bytes()
        result = self.compare(self.debug("vendor", "vendor.debug"), "-o", str(target))
        self.assertEqual(result.returncode, 2)
        self.assertEqual(target.read_bytes(), before)

    def test_hostile_vendors_are_told_as_without_debug_files(self):
        (self.where / "broken").write_bytes((self.where / "vendor").read_bytes()[:3000])
        directory = self.lay(".build-id", self.vendor_id, "vendor.debug")
        plain = self.compare(vendor="broken")
        searched = self.compare(f"--vendor-debug={directory}", vendor="broken")
        self.assertEqual((plain.returncode, searched.returncode, searched.stderr), (2, 2, plain.stderr))

    def test_explanations_use_what_debug_files_say(self):
        result = self.compare(self.debug("vendor", "vendor.debug"), self.debug("rebuilt", "rebuilt.debug"))
        self.assertIn('"-O2" and "-O1"', result.stdout)
        self.assertNotIn("-O1", self.compare().stdout)

    def test_no_sandbox_searches_too(self):
        directory = self.lay(".", self.vendor_id, "vendor.debug")
        result = self.compare("--no-sandbox", f"--vendor-debug={directory}")
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (1, 1))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
