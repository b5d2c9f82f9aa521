#!/usr/bin/env python3
"""Whole-program tests of elftally: exit status, JSON against its schema, the text's first line, files on errors.

Usage: test_elftally.py ELFTALLY SOURCE_ROOT
"""
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

import jsonschema

ELFTALLY = os.path.abspath(sys.argv[1])
ROOT = pathlib.Path(sys.argv[2]).resolve()
SCHEMA = json.loads((ROOT / "libcompare/report/report.schema.json").read_text())
HELLO = [str(ROOT / "testdata/hello" / name) for name in ("hello.vendor", "hello.rebuilt")]


def run(*arguments, **options):
    result = subprocess.run([ELFTALLY, *map(str, arguments)], capture_output=True, text=True, timeout=120,
                            errors="surrogateescape", **options)
    # A kernel or an instrumented build may confine less, and says so: no matter of these tests.
    result.stderr = "".join(line for line in (result.stderr or "").splitlines(keepends=True)
                            if not line.startswith("elftally: warning: less confined than usual"))
    return result


def compile_small(output, *flags, compiler="gcc", source=None):
    subprocess.run([compiler, *flags, "-o", str(output), str(source or ROOT / "testdata/small.c")], check=True,
                   capture_output=True)
    return output


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.here = pathlib.Path(cls.directory.name)
        cls.debug = compile_small(cls.here / "debug", "-g", "-O2")
        cls.plain = compile_small(cls.here / "plain", "-O2")
        cls.stripped = cls.here / "stripped"
        subprocess.run(["strip", "-o", cls.stripped, cls.debug], check=True)
        cls.changed = cls.here / "changed"
        data = bytearray(cls.debug.read_bytes())
        place = data.index(b"rebuilt")
        data[place] ^= 1
        cls.changed.write_bytes(data)

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def report(self, vendor, rebuilt, status, *options):
        result = run("--format", "json", *options, vendor, rebuilt)
        self.assertEqual(result.returncode, status, result.stderr)
        report = json.loads(result.stdout)
        jsonschema.validate(report, SCHEMA)
        if status < 2:
            self.check_accounts(report, vendor, rebuilt)
            path = self.here / "to-verify.json"
            path.write_text(result.stdout)
            verified = run("verify", path, vendor, rebuilt)
            if "--bytes" not in options:
                self.assertEqual(verified.returncode, 0, verified.stderr)
        return report

    def check_accounts(self, report, vendor, rebuilt):
        """What is called identical is; the extents partition each file; the sums are right."""
        data = {"vendor": pathlib.Path(vendor).read_bytes(), "rebuilt": pathlib.Path(rebuilt).read_bytes()}
        for side, other in (("vendor", "rebuilt"), ("rebuilt", "vendor")):
            self.assertEqual(report[side]["sha256"], hashlib.sha256(data[side]).hexdigest())
            end, sums = 0, {"identical": 0, "set-aside": 0, "unexplained": 0}
            for extent in report["extents"][side]:
                self.assertEqual(extent["begin"], end)
                end = extent["end"]
                sums[extent["standing"]] += end - extent["begin"]
                if extent["standing"] == "identical":
                    size = end - extent["begin"]
                    self.assertEqual(data[side][extent["begin"]:end], data[other][extent["peer"]:extent["peer"] + size])
                self.assertEqual(extent["standing"] == "set-aside", extent["rule"] is not None)
            self.assertEqual(end, len(data[side]))
            tally = report["tally"][side]
            self.assertEqual([tally["identical"], tally["set_aside"], tally["unexplained"]], list(sums.values()))
            self.assertEqual(sum(tally["by_rule"].values()), tally["set_aside"])
            for finding in report["findings"]:
                if finding[side] and finding[side]["omitted"] == 0:
                    begin = finding[side]["offset"]
                    self.assertEqual(bytes.fromhex(finding[side]["bytes"]),
                                     data[side][begin:begin + finding[side]["size"]])


class Verdicts(Case):
    def test_a_copy_is_identical(self):
        copy = shutil.copy(self.debug, self.here / "copy")
        self.assertEqual(self.report(self.debug, copy, 0)["verdict"], "identical")
        self.assertTrue(run(self.debug, copy).stdout.startswith("identical (policy standard)"))

    def test_debug_information_and_symbols_are_set_aside(self):
        for other in (self.plain, self.stripped):
            report = self.report(self.debug, other, 0)
            self.assertEqual(report["verdict"], "equivalent")
            self.assertEqual(report["tally"]["vendor"]["unexplained"], 0)
            self.assertEqual(self.report(other, self.debug, 0)["verdict"], "equivalent")

    def test_policy_exact_sets_nothing_aside(self):
        report = self.report(self.debug, self.plain, 1, "--policy", "exact")
        self.assertEqual(report["tally"]["vendor"]["set_aside"], 0)
        self.assertEqual(report["policy"], {"name": "exact", "rules": []})

    def test_a_changed_byte_in_rodata_is_found(self):
        report = self.report(self.debug, self.changed, 1)
        findings = [finding for finding in report["findings"] if finding["standing"] == "unexplained"]
        self.assertEqual([finding["section"] for finding in findings], [".rodata"])
        self.assertEqual(findings[0]["vendor"]["size"], 1)
        self.assertIn(".rodata", run(self.debug, self.changed).stdout.splitlines()[0])

    def test_debian_hello_differs_in_one_byte_of_text(self):
        report = self.report(*HELLO, 1)
        self.assertEqual(report["tally"]["vendor"]["unexplained"], 1)
        finding, = [finding for finding in report["findings"] if finding["standing"] == "unexplained"]
        # 2022 and 2026: the low bytes of the year in an instruction's immediate.
        self.assertEqual((finding["section"], finding["vendor"]["bytes"], finding["rebuilt"]["bytes"]),
                         (".text", "e6", "ea"))
        self.assertEqual(set(report["tally"]["vendor"]["by_rule"]), {"build-id", "debuglink"})

    def test_compressed_debug_sections_are_the_same(self):
        for style in ("zlib", "zlib-gabi"):
            packed = self.here / style
            subprocess.run(["objcopy", f"--compress-debug-sections={style}", self.debug, packed], check=True)
            self.assertEqual(self.report(self.debug, packed, 0)["verdict"], "equivalent")

    def test_compression_alone_compares_the_plain_content(self):
        policy = self.here / "compression.json"
        rules = ["compression", "section-headers", "elf-header-sections", "symbols", "padding"]
        policy.write_text(json.dumps({"name": "plain", "rules": [{"rule": rule, "reason": "tried"} for rule in rules]}))
        packed, other = self.here / "packed", self.here / "other"
        # Of some size, for small sections stay as they are.
        big = self.here / "big.c"
        big.write_text((ROOT / "testdata/small.c").read_text() +
                       "".join(f"int number_{i}(int a) {{ return a * {i}; }}\n" for i in range(300)))
        compile_small(self.here / "big", "-g", source=big)
        subprocess.run(["objcopy", "--compress-debug-sections=zlib", self.here / "big", packed], check=True)
        self.report(self.here / "big", packed, 0, "-p", policy)
        big.write_text(big.read_text().replace("number_7(", "number_x("))
        compile_small(other, "-g", source=big)
        self.report(other, packed, 1, "-p", policy)

    def test_objects_differ_only_in_debug_information(self):
        (self.here / "elsewhere").mkdir(exist_ok=True)
        first = compile_small(self.here / "a.o", "-g", "-c", "-fdebug-prefix-map=" + str(ROOT) + "=/one")
        second = compile_small(self.here / "b.o", "-g", "-c", "-fdebug-prefix-map=" + str(ROOT) + "=/another/place")
        self.assertEqual(self.report(first, second, 0)["verdict"], "equivalent")

    def test_a_changed_call_target_in_an_object_is_found(self):
        source = self.here / "calls.c"
        source.write_text("int one(void); int two(void); int main(void) { return one(); }")
        first = compile_small(self.here / "one.o", "-c", source=source)
        source.write_text("int one(void); int two(void); int main(void) { return two(); }")
        self.report(first, compile_small(self.here / "two.o", "-c", source=source), 1)

    def test_appended_bytes_are_unexplained(self):
        longer = self.here / "longer"
        longer.write_bytes(self.stripped.read_bytes() + b"payload")
        report = self.report(self.stripped, longer, 1)
        self.assertIn("overlay", [row["owner"] for row in report["sections"]])

    def test_code_in_the_slack_of_an_executable_page_is_unexplained(self):
        data = bytearray(self.stripped.read_bytes())
        header = 64
        for index in range(int.from_bytes(data[56:58], "little")):
            phdr = data[header + 56 * index:header + 56 * (index + 1)]
            if phdr[:8] == (1).to_bytes(4, "little") + (5).to_bytes(4, "little"):
                end = int.from_bytes(phdr[8:16], "little") + int.from_bytes(phdr[32:40], "little")
        self.assertNotEqual(end % 4096, 0)
        data[end] = 0xcc
        cave = self.here / "cave"
        cave.write_bytes(data)
        self.report(self.stripped, cave, 1)

    def test_a_file_without_section_headers_is_equivalent(self):
        data = bytearray(self.stripped.read_bytes())
        data[0x28:0x30] = bytes(8)
        data[0x3c:0x40] = bytes(4)
        end = max(int.from_bytes(data[64 + 56 * i + 8:64 + 56 * i + 16], "little") +
                  int.from_bytes(data[64 + 56 * i + 32:64 + 56 * i + 40], "little")
                  for i in range(int.from_bytes(data[56:58], "little")))
        bare = self.here / "bare"
        bare.write_bytes(data[:end])
        self.assertEqual(self.report(self.stripped, bare, 0)["verdict"], "equivalent")

    def test_text_typed_nobits_on_one_side_is_an_anomaly(self):
        data = bytearray(self.plain.read_bytes())
        table, count = int.from_bytes(data[0x28:0x30], "little"), int.from_bytes(data[0x3c:0x3e], "little")
        for index in range(count):
            entry = table + 64 * index
            if int.from_bytes(data[entry + 8:entry + 16], "little") == 6:
                data[entry + 4] = 8
        forged = self.here / "nobits"
        forged.write_bytes(data)
        report = self.report(self.plain, forged, 1)
        self.assertIn("nobits-over-bytes", [anomaly["id"] for anomaly in report["anomalies"]])
        self.assertTrue(report["rebuilt"]["rules_disabled"])


class OneFile(Case):
    def test_normal_forms_are_equal_exactly_when_the_verdict_says_so(self):
        files = [self.debug, self.plain, self.stripped, self.changed, *map(pathlib.Path, HELLO)]
        for policy in ("standard", "exact"):
            digests = run("digest", "-p", policy, *files).stdout.splitlines()
            for first, digest in zip(files, digests):
                for second, other in zip(files, digests):
                    if first != second:
                        equal = digest.split()[0] == other.split()[0]
                        self.assertEqual(run("-q", "-p", policy, first, second).returncode, 0 if equal else 1)

    def test_the_normal_form_runs_the_same_and_is_a_fixed_point(self):
        form, again = self.here / "form", self.here / "again"
        for file in (self.debug, self.plain, self.stripped):
            self.assertEqual(run("normalise", file, "-o", form).returncode, 0)
            form.chmod(0o755)
            self.assertEqual(subprocess.run([form, "x"], capture_output=True).stdout,
                             subprocess.run([file, "x"], capture_output=True).stdout)
            self.assertEqual(subprocess.run(["eu-elflint", "--gnu-ld", "-q", form]).returncode, 0)
            self.assertEqual(run("normalise", form, "-o", again).returncode, 0)
            self.assertEqual(form.read_bytes(), again.read_bytes())
            digest = run("digest", file).stdout.split()[0]
            self.assertEqual(hashlib.sha256(form.read_bytes()).hexdigest(), digest)

    def test_every_rule_is_listed_and_explained(self):
        rules = json.loads(run("rules", "--format", "json").stdout)
        self.assertIn("build-id", [rule["id"] for rule in rules])
        for rule in rules:
            self.assertTrue(run("rules", rule["id"]).stdout.startswith(rule["id"]))
        self.assertEqual(run("rules", "nonsense").returncode, 2)


class Errors(Case):
    def refused(self, words, *arguments, **options):
        result = run(*arguments, **options)
        self.assertEqual(result.returncode, 2)
        # A build with the sanitizers has no filter of calls, and says so.
        lines = [line for line in result.stderr.splitlines() if "warning: less confined" not in line]
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertTrue(lines[0].startswith("elftally: "))
        self.assertIn(words, result.stderr)
        return result

    def test_bad_input_is_told_in_one_line(self):
        empty, text = self.here / "empty", self.here / "text"
        empty.write_bytes(b"")
        text.write_text("#!/bin/sh\n")
        self.refused("empty", empty, self.plain)
        self.refused("not an ELF file", self.plain, text)
        self.refused("directory", self.here, self.plain)
        self.refused("No such file", self.here / "absent", self.plain)
        self.refused("same file", self.plain, self.plain)
        self.refused("two files", self.plain)
        self.refused("unknown option", "--nonsense", self.plain, self.debug)

    def test_every_truncation_is_trouble_or_a_difference(self):
        data, short = self.stripped.read_bytes(), self.here / "short"
        for size in [*range(0, 200), *range(200, len(data), 97), len(data) - 1]:
            short.write_bytes(data[:size])
            result = run("-q", self.stripped, short)
            self.assertIn(result.returncode, (1, 2), size)
            self.assertLessEqual(len(result.stderr.splitlines()), 1)
        short.write_bytes(data[:1000])
        self.refused("truncated", self.stripped, short)

    def test_an_unreadable_file_is_told(self):
        locked = self.here / "locked"
        shutil.copy(self.plain, locked)
        locked.chmod(0)
        if os.geteuid() == 0:
            result = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", ELFTALLY, locked, self.plain],
                                    capture_output=True, text=True)
        else:
            result = run(locked, self.plain)
        self.assertEqual(result.returncode, 2)

    def test_names_are_escaped(self):
        name = self.here / "evil\x1b[31m"
        name.write_bytes(b"")
        result = self.refused("\\x1b", name, self.plain)
        self.assertNotIn("\x1b", result.stderr)

    def test_other_machines_are_different(self):
        other = compile_small(self.here / "arm", compiler="aarch64-linux-gnu-gcc")
        narrow = compile_small(self.here / "i386", compiler="i686-linux-gnu-gcc")
        self.report(self.plain, other, 1)
        self.report(narrow, self.plain, 1)

    def test_the_json_report_of_a_failure_is_inconclusive(self):
        report = self.report(self.here / "absent", self.plain, 2)
        self.assertEqual(report["verdict"], "inconclusive")

    def test_output_is_whole_or_not_there(self):
        output = self.here / "report.json"
        self.assertEqual(run("-f", "json", "-o", output, self.debug, self.plain).returncode, 0)
        jsonschema.validate(json.loads(output.read_text()), SCHEMA)
        before = output.read_bytes()
        # A limit on file size stands for the full disk.
        result = subprocess.run(["bash", "-c", 'trap "" XFSZ; ulimit -f 1; exec "$@"', "-", ELFTALLY, "-f", "json", "-o",
                                 output, self.debug, self.changed], capture_output=True, text=True)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertEqual(output.read_bytes(), before)
        self.assertEqual([name for name in os.listdir(self.here) if name.startswith("report.json.")], [])
        self.refused("No space left", "-o", "/dev/full", self.debug, self.plain)
        self.refused("is an input", "-o", self.plain, self.debug, self.plain)
        self.refused("No such file", "-o", self.here / "absent/report", self.debug, self.plain)

    def test_quiet_prints_nothing(self):
        result = run("-q", self.debug, self.changed)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (1, "", ""))

    def test_a_pipe_is_read_to_its_end(self):
        read, write = os.pipe()
        with subprocess.Popen(["cat", self.plain], stdout=write):
            os.close(write)
            result = run(self.debug, f"/dev/fd/{read}", pass_fds=[read])
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_color_obeys(self):
        self.assertIn("\x1b[", run("--color", "always", self.debug, self.plain).stdout)
        self.assertNotIn("\x1b[", run(self.debug, self.plain).stdout)

    def test_policy_files(self):
        policy = self.here / "policy.json"
        only_id = {"name": "mine", "rules": [{"rule": "build-id", "reason": "random here"}]}
        policy.write_text(json.dumps(only_id))
        data = bytearray(self.plain.read_bytes())
        place = data.index(b"GNU\0", data.index(b"\x03\0\0\0GNU\0") ) + 4
        data[place] ^= 0xff
        other = self.here / "other-id"
        other.write_bytes(data)
        report = self.report(self.plain, other, 0, "--policy", policy)
        self.assertEqual(report["policy"]["rules"][0]["reason"], "random here")
        self.assertIn("(policy mine)", run("-p", policy, self.plain, other).stdout)
        for fault, words in (({**only_id, "extra": 1}, "unknown key"),
                             ({"name": "x", "rules": [{"rule": "no-such", "reason": "r"}]}, "no such rule"),
                             ({"name": "x", "rules": [{"rule": "build-id"}]}, "reason"),
                             ({"name": "standard", "rules": []}, "built-in"),
                             ({"name": "x", "rules": only_id["rules"] * 2}, "twice")):
            policy.write_text(json.dumps(fault))
            self.refused(words, "-p", policy, self.plain, other)
        policy.write_text("{")
        self.refused("line 1", "-p", policy, self.plain, other)
        self.refused("neither a built-in policy", "-p", self.here / "absent", self.plain, other)


class Architectures(Case):
    COMPILERS = ["gcc", "i686-linux-gnu-gcc", "aarch64-linux-gnu-gcc", "arm-linux-gnueabihf-gcc", "mips-linux-gnu-gcc",
                 "powerpc-linux-gnu-gcc", "riscv64-linux-gnu-gcc", "clang"]

    def test_objects_and_programs_open_and_compare(self):
        for compiler in self.COMPILERS:
            with self.subTest(compiler):
                for flags in (["-c"], []):
                    first = compile_small(self.here / "first", "-O1", *flags, compiler=compiler)
                    same = self.here / "same"
                    shutil.copy(first, same)
                    report = self.report(first, same, 0)
                    self.assertEqual(report["anomalies"], [])
                    other, unnamed = (
                        compile_small(self.here / name, "-O1", "-Wl,--build-id=none", *flags, *define, compiler=compiler)
                        for name, define in (("second", ["-Dwords=terms"]), ("unnamed", [])))
                    self.report(unnamed, other, self.renamed_status(compiler, flags))
                    data = bytearray(first.read_bytes())
                    data[data.index(b"rebuilt")] ^= 1
                    same.write_bytes(data)
                    self.assertEqual(self.report(first, same, 1)["verdict"], "different")

    @staticmethod
    def renamed_status(compiler, flags):
        """Another name of a static variable: the same code. But a symbol of an object has meaning (clang keeps none
        for it), and where a page can have 64 KiB or more, the whole of a small program may be mapped with its code;
        on AArch64 the linker moves the data, and with it the symbols, into the next such page.
        """
        if flags:
            return 0 if compiler == "clang" else 1
        return 0 if compiler in ("gcc", "clang", "i686-linux-gnu-gcc", "aarch64-linux-gnu-gcc",
                                 "riscv64-linux-gnu-gcc") else 1


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    unittest.main(argv=sys.argv[:1], verbosity=1)
