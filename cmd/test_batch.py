#!/usr/bin/env python3
"""Whole-program tests of elftally batch and merge: manifests, results, shards, resuming, conflicts, hostile names.

Usage: test_batch.py ELFTALLY SOURCE_ROOT [--short]    --short: for a slow build; fewer of the runs that take long
"""
import fcntl
import hashlib
import contextlib
import itertools
import json
import os
import pathlib
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree

import jsonschema

import kills

ELFTALLY = os.path.abspath(sys.argv[1])
ROOT = pathlib.Path(sys.argv[2]).resolve()
SCHEMA = jsonschema.Draft202012Validator(json.loads((ROOT / "cmd/batch/result.schema.json").read_text()))
SHORT = "--short" in sys.argv[3:]
HELLO = [ROOT / "testdata/hello" / name for name in ("hello.vendor", "hello.rebuilt")]


def run(*arguments, **options):
    return subprocess.run([ELFTALLY, *map(str, arguments)], capture_output=True, timeout=120, **options)


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.built = tempfile.TemporaryDirectory()
        cls.debug = pathlib.Path(cls.built.name) / "debug"
        subprocess.run(["gcc", "-g", "-O2", "-o", cls.debug, ROOT / "testdata/small.c"], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.built.cleanup()

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.here = pathlib.Path(directory.name)

    def write(self, name, data):
        path = self.here / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def manifest(self, *rows, name="manifest.jsonl"):
        return self.write(name, "".join(json.dumps(row) + "\n" for row in rows))

    def pair(self, name, **more):
        return {"id": name, "vendor": str(HELLO[0]), "rebuilt": str(HELLO[1]), **more}

    def mixed(self):
        """One pair of each verdict, and more that are inconclusive."""
        same, changed = self.write("same", HELLO[0].read_bytes()), bytearray(self.debug.read_bytes())
        stripped = self.here / "stripped"
        subprocess.run(["strip", "-o", stripped, self.debug], check=True)
        changed[changed.index(b"rebuilt")] ^= 1
        rows = [{"id": "a/same", "vendor": str(HELLO[0]), "rebuilt": str(same)},
                {"id": "a/stripped", "vendor": str(self.debug), "rebuilt": str(stripped)},
                {"id": "a/differs", "vendor": str(self.debug), "rebuilt": str(self.write("changed", bytes(changed)))},
                {"id": "b/text", "vendor": str(self.write("text", "text")), "rebuilt": str(same)},
                {"id": "b/absent", "vendor": str(same), "rebuilt": str(self.here / "absent")},
                self.pair("c/hello")]
        return rows

    def lines(self, path):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            SCHEMA.validate(line)
        return lines

    def batch(self, manifest, *options, status=0):
        found = run("batch", "-q", *options, manifest)
        self.assertEqual(found.returncode, status, found.stderr)
        return found

    def merged(self, *results, status=0):
        found = run("merge", *results)
        self.assertEqual(found.returncode, status, found.stderr)
        return found.stdout

    def refused(self, text, *arguments):
        found = run(*arguments)
        self.assertEqual(found.returncode, 2, found.stdout)
        self.assertIn(text, found.stderr.decode())
        self.assertEqual(found.stdout, b"")
        return found.stderr.decode()


class Manifests(Case):
    def bad(self, text, wanted, name="manifest"):
        path = self.write(name, text)
        error = self.refused(wanted, "batch", "-o", self.here / "results", path)
        self.assertFalse((self.here / "results").exists())
        self.assertTrue(all(" line " in line for line in error.splitlines()), error)

    def test_what_is_wrong_is_told_by_its_line_before_any_work(self):
        head = "id\tvendor\trebuilt\n"
        for text, wanted in [
                ("", "line 1: is empty"),
                ("id\tvendor\n", "line 1: the head line names no column 'rebuilt'"),
                ("id\tvendor\trebuilt\tcolour\n", "line 1: unknown column 'colour'"),
                ("id\tvendor\trebuilt\tid\n", "line 1: a column that occurs twice: 'id'"),
                (head + "a\tb\n", "line 2: has 2 columns, where the head line has 3"),
                (head + "a\tb\tc\td\n", "line 2: has 4 columns"),
                (head + "a\tb\t\n", "line 2: has no 'rebuilt'"),
                (head + "\tb\tc\n", "line 2: has no 'id'"),
                (head + "a\tb\tc\n\nd\te\tf\na\tx\ty\n", "line 5: has the id of line 2: 'a'"),
                (head + "a\0\tb\tc\n", "line 2: has a NUL byte"),
                (head.encode() + b"a\xff\tb\tc\n", "line 2: its id or package is not UTF-8: 'a\\xff'"),
                (head + "x" * 5000 + "\tb\tc\n", "line 2: its id is longer than 4096 bytes"),
                ('{"id": "a"}\n', "line 1: has no 'vendor'"),
                ('{"id": "a", "vendor": "b", "rebuilt": "c"}\n{"id"\n', "line 2: is no JSON"),
                ('{"id": "a", "vendor": "b", "rebuilt": "c", "x": "d"}\n', "line 1: unknown key 'x'"),
                ('{"id": 3, "vendor": "b", "rebuilt": "c"}\n', "line 1: must be a string: 'id'"),
                ('{"id": "a", "id": "b", "vendor": "b", "rebuilt": "c"}\n', "line 1: is no JSON"),
                ('{"id": "a\\u0000", "vendor": "b", "rebuilt": "c"}\n', "line 1: is no JSON"),
                ('{"id": "\\u001b[31m", "vendor": "b"}\n', "line 1: has no 'rebuilt'"),
                ('{"id": "a", "vendor": "b", "rebuilt": "c", "policy": "lenient"}\n', "line 1: lenient: neither"),
        ]:
            with self.subTest(text=text):
                self.bad(text, wanted)

    def test_of_many_errors_ten_are_told(self):
        path = self.write("manifest", "id\tvendor\trebuilt\n" + "a\n" * 25)
        error = self.refused("15 lines more are wrong", "batch", path)
        self.assertEqual(len(error.splitlines()), 11)

    def test_a_manifest_that_cannot_be_read(self):
        self.refused("cannot open", "batch", self.here / "absent")
        self.refused("cannot read", "batch", self.here)

    def test_both_forms_and_standard_input_give_the_same(self):
        rows = self.mixed()
        self.batch(self.manifest(*rows), "-o", self.here / "json")
        text = "rebuilt\tid\tvendor\r\n" + "".join(f"{r['rebuilt']}\t{r['id']}\t{r['vendor']}\r\n" for r in rows)
        self.batch(self.write("tsv", text.rstrip("\r\n")), "-o", self.here / "tsv-results")
        self.assertEqual(self.merged(self.here / "json"), self.merged(self.here / "tsv-results"))
        found = run("batch", "-q", "-", input=text.encode())
        self.assertEqual(sorted(found.stdout.splitlines()), self.merged(self.here / "json").splitlines())

    def test_directory_is_where_the_manifest_s_paths_begin(self):
        manifest = self.write("m.tsv", "id\tvendor\trebuilt\nx\thello.vendor\thello.rebuilt\n")
        found = run("batch", "-q", "-C", HELLO[0].parent, "-o", "results", manifest.name, cwd=self.here)
        self.assertEqual(found.returncode, 0, found.stderr)
        self.assertEqual(self.lines(self.here / "results")[0]["verdict"], "different")
        self.refused("cannot enter", "batch", "-C", self.here / "absent", manifest)


class Results(Case):
    def test_a_line_holds_what_the_report_says(self):
        self.batch(self.manifest(*self.mixed()), "-o", self.here / "results")
        by_id = {line["id"]: line for line in self.lines(self.here / "results")}
        self.assertEqual({name: line["verdict"] for name, line in by_id.items()},
                         {"a/same": "identical", "a/stripped": "equivalent", "a/differs": "different",
                          "b/text": "inconclusive", "b/absent": "inconclusive", "c/hello": "different"})
        line = by_id["c/hello"]
        report = json.loads(run("-f", "json", *HELLO).stdout)
        for i, side in enumerate(("vendor", "rebuilt")):
            self.assertEqual(line[side], {"sha256": hashlib.sha256(HELLO[i].read_bytes()).hexdigest(),
                                          "size": HELLO[i].stat().st_size})
            for key in ("identical", "unexplained"):
                self.assertEqual(line["tally"][key][i], report["tally"][side][key])
            self.assertEqual({rule: both[i] for rule, both in line["tally"]["set_aside"].items()},
                             report["tally"][side]["by_rule"])
        root = report["explanation"]["roots"][0]
        first = report["explanation"]["differences"][root["difference"]]
        self.assertEqual(line["roots"], [{
            "cause": root["causes"][0]["id"], "confidence": root["causes"][0]["confidence"], "what": first["what"],
            "place": ".text, offset 0x248b", "vendor": first["vendor"]["value"], "rebuilt": first["rebuilt"]["value"],
            "differences": 1}])
        self.assertEqual(by_id["b/text"]["error"]["kind"], "not-elf")
        self.assertEqual(by_id["b/absent"]["error"]["kind"], "system")
        self.assertIsNone(by_id["b/absent"]["rebuilt"]["sha256"])
        self.assertEqual(by_id["b/absent"]["vendor"], by_id["a/same"]["vendor"])

    def test_two_runs_give_the_same_bytes_whatever_the_jobs(self):
        manifest = self.manifest(*self.mixed())
        self.batch(manifest, "-o", self.here / "one", "-j", 1)
        self.batch(manifest, "-o", self.here / "three", "-j", 3, "--times")
        self.assertEqual(self.merged(self.here / "one"), self.merged(self.here / "three"))
        self.assertTrue(all("seconds" in line for line in self.lines(self.here / "three")))

    def test_what_is_no_file_costs_its_pair_only(self):
        os.mkfifo(self.here / "pipe")
        manifest = self.manifest(self.pair("pipe") | {"vendor": str(self.here / "pipe")}, self.pair("good"),
                                 self.pair("folder") | {"rebuilt": "/"}, self.pair("device") | {"vendor": "/dev/zero"},
                                 {"id": "one", "vendor": str(HELLO[0]), "rebuilt": str(HELLO[0])})
        self.batch(manifest, "-o", self.here / "results")
        by_id = {line["id"]: line for line in self.lines(self.here / "results")}
        self.assertEqual(by_id.pop("good")["verdict"], "different")
        self.assertEqual({line["verdict"] for line in by_id.values()}, {"inconclusive"})
        self.assertIn("one and the same file", by_id["one"]["error"]["message"])

    def test_limits_and_policies_are_of_the_pair_and_in_the_line(self):
        policy = self.write("p.json", json.dumps({"name": "mine", "rules": [{"rule": "build-id", "reason": "r"}]}))
        manifest = self.manifest(self.pair("exact", policy="exact"), self.pair("mine", policy=str(policy)),
                                 self.pair("usual"))
        self.batch(manifest, "-o", self.here / "results", "--limit", "findings=2", "--explain", "none")
        by_id = {line["id"]: line for line in self.lines(self.here / "results")}
        self.assertEqual({name: line["policy"]["name"] for name, line in by_id.items()},
                         {"exact": "exact", "mine": "mine", "usual": "standard"})
        self.assertEqual(len({line["policy"]["sha256"] for line in by_id.values()}), 3)
        for line in by_id.values():
            self.assertEqual(line["settings"], {"findings": "2", "explain": "none"})
            self.assertEqual((line["verdict"], line["error"]["kind"]), ("inconclusive", "limit"))

    def test_full_reports_are_right_about_their_pairs(self):
        self.batch(self.manifest(*self.mixed()), "-o", self.here / "results", "--reports", self.here / "reports")
        lines = self.lines(self.here / "results")
        self.assertEqual(sorted(os.listdir(self.here / "reports")),
                         sorted(line["report"] for line in lines if line["verdict"] != "identical"))
        rows = {row["id"]: row for row in self.mixed()}
        for line in lines:
            if line["verdict"] in ("equivalent", "different"):
                self.assertEqual(line["report"], hashlib.sha256(line["id"].encode()).hexdigest() + ".json")
                row = rows[line["id"]]
                found = run("verify", self.here / "reports" / line["report"], row["vendor"], row["rebuilt"])
                self.assertEqual(found.returncode, 0, found.stderr)
            elif line["verdict"] == "inconclusive":
                report = json.loads((self.here / "reports" / line["report"]).read_text())
                self.assertEqual(report["verdict"], "inconclusive")
        # One that is gone is made anew, and is the same.
        path = self.here / "reports" / next(line["report"] for line in lines if line["id"] == "c/hello")
        before = path.read_bytes()
        path.unlink()
        self.batch(self.manifest(*self.mixed()), "-o", self.here / "results", "--reports", self.here / "reports",
                   "--resume")
        self.assertEqual(path.read_bytes(), before)

    def test_hostile_ids_and_names_are_data(self):
        names = ["../../up", "/etc/passwd", "\x1b[31mred", "a\nb", "\u202e", "x" * 4096, "\ufffe", "&<>\"'"]
        rows = [self.pair(name, package="\x1b]0;p") | {"vendor": str(self.here / f"no\x1b{i}")}
                for i, name in enumerate(names)]
        self.batch(self.manifest(*rows, self.pair("good")), "-o", self.here / "results", "--reports",
                   self.here / "reports")
        self.assertEqual({line["id"] for line in self.lines(self.here / "results")}, {*names, "good"})
        self.assertTrue(all(byte in b"\n" or 32 <= byte < 127 for byte in (self.here / "results").read_bytes()))
        self.assertEqual(set(os.listdir(self.here)), {"results", "reports", "manifest.jsonl"})
        for options in (["--summary"], ["-f", "junit"]):
            found = run("merge", *options, self.here / "results")
            self.assertEqual(found.returncode, 0, found.stderr)
            self.assertNotIn(b"\x1b", found.stdout)
        xml.etree.ElementTree.fromstring(found.stdout.decode())

    def test_a_full_disk_ends_the_run_and_tears_no_line(self):
        manifest = self.manifest(*self.mixed())
        results = self.here / "results"
        full = subprocess.run(["bash", "-c", 'trap "" XFSZ; ulimit -f 2; exec "$@"', "-", ELFTALLY, "batch", "-q", "-j",
                               "1", "-o", results, manifest], capture_output=True, timeout=60)
        self.assertEqual(full.returncode, 2)
        self.assertIn(b"cannot write", full.stderr)
        self.assertTrue(results.read_bytes().endswith(b"}\n"))
        before = len(self.lines(results))
        self.assertLess(before, 6)
        self.batch(manifest, "-o", results, "--resume")
        self.batch(manifest, "-o", self.here / "whole")
        self.assertEqual(self.merged(results), self.merged(self.here / "whole"))
        with open("/dev/full", "w") as nowhere:
            found = subprocess.run([ELFTALLY, "batch", "-q", manifest], stdout=nowhere, stderr=subprocess.PIPE)
        self.assertEqual(found.returncode, 2)
        self.assertIn(b"cannot write", found.stderr)

    def test_results_have_one_writer(self):
        manifest, results = self.manifest(self.pair("a")), self.write("results", "")
        with results.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self.refused("another run writes to it", "batch", "-o", results, manifest)
        self.batch(manifest, "-o", results)
        self.refused("--resume goes on", "batch", "-o", results, manifest)
        self.refused("is not a regular file", "batch", "-o", "/dev/null", manifest)
        self.refused("--output FILE", "batch", "--resume", manifest)

    def test_exit_status_by_choice(self):
        rows = self.mixed()
        both, different = self.manifest(*rows), self.manifest(*rows[:3], name="d.jsonl")
        equal = self.manifest(*rows[:2], name="e.jsonl")
        for manifest, fail_on, status in [(both, None, 0), (both, "different", 1), (both, "inconclusive", 2),
                                          (different, "inconclusive", 1), (equal, "different", 0),
                                          (equal, "inconclusive", 0)]:
            options = ["--fail-on", fail_on] if fail_on else []
            self.batch(manifest, *options, "-o", self.here / "r", status=status)
            self.assertEqual(run("merge", *options, self.here / "r").returncode, status)
            (self.here / "r").unlink()

    def test_wrong_usage_is_trouble(self):
        manifest = self.manifest(self.pair("a"))
        for arguments in (["batch"], ["batch", manifest, manifest], ["batch", "--shard", "2/2", manifest],
                          ["batch", "--shard", "1", manifest], ["batch", "--shard", "-1/2", manifest],
                          ["batch", "--jobs", "0", manifest], ["batch", "--fail-on", "x", manifest],
                          ["batch", "--explain", "all", manifest], ["batch", "--nonsense", manifest], ["merge"],
                          ["merge", "--format", "text", manifest], ["merge", "--nonsense", manifest],
                          ["batch", "--policy", "lenient", manifest]):
            error = self.refused("elftally: ", *arguments)
            self.assertEqual(len(error.splitlines()), 1)
        for command in ("batch", "merge"):
            self.assertIn(f"elftally {command} [OPTIONS]".encode(), run(command, "--help").stdout)
            self.assertIn(f"elftally {command} [OPTIONS]".encode(), run("--help").stdout)


class Shards(Case):
    def rows(self):
        same = str(self.write("same", HELLO[0].read_bytes()))
        return [{"id": f"p{i % 3}/f{i}", "vendor": str(HELLO[0]), "rebuilt": same} for i in range(40)] + self.mixed()

    def test_any_number_of_shards_in_any_order_comes_to_the_same(self):
        rows = self.rows()
        manifest = self.manifest(*rows)
        self.batch(manifest, "-o", self.here / "whole")
        wanted = self.merged(self.here / "whole")
        self.assertEqual([json.loads(line)["id"] for line in wanted.splitlines()],
                         sorted((row["id"] for row in rows), key=str.encode))
        for count in (1, 2, 5):
            results = [self.here / f"s{count}-{i}" for i in range(count)]
            for i, path in enumerate(results):
                self.batch(manifest, "-o", path, "--shard", f"{i}/{count}")
                for line in self.lines(path):
                    number = int.from_bytes(hashlib.sha256(line["id"].encode()).digest()[:8], "big")
                    self.assertEqual(number % count, i)
            for order in itertools.islice(itertools.permutations(results), 6):
                self.assertEqual(self.merged(*order), wanted)
            self.assertEqual(self.merged(*results, self.here / "whole"), wanted)

    def test_conflicts_name_the_id_and_both_files(self):
        manifest, a, b = self.manifest(*self.mixed()), self.here / "a", self.here / "b"
        self.batch(manifest, "-o", a)

        def altered(change):
            lines = self.lines(a)
            for line in lines:
                if line["id"] == "c/hello":
                    change(line)
            self.write("b", "".join(json.dumps(line) + "\n" for line in lines))
            for order in ([a, b], [b, a]):
                found = run("merge", *order)
                self.assertEqual(found.returncode, 2)
                for text in ("'c/hello'", str(a), str(b)):
                    self.assertIn(text, found.stderr.decode())
                self.assertEqual(found.stdout, b"")

        altered(lambda line: line["vendor"].update(sha256="0" * 64))
        altered(lambda line: line["policy"].update(sha256="0" * 64))
        altered(lambda line: line.update(version="0.0.1"))
        altered(lambda line: line.update(settings={"time": "1"}))
        altered(lambda line: line["roots"][0].update(cause="build-id"))

        def undecided(line):
            line.update(verdict="inconclusive", tally=None, anomalies=None, roots=None,
                        error={"kind": "crashed", "message": "killed"})
            line["rebuilt"].update(sha256="0" * 64)
        altered(undecided)

    def test_a_verdict_goes_before_none_whatever_the_order(self):
        manifest, a, b, c = self.manifest(self.pair("x")), self.here / "a", self.here / "b", self.here / "c"
        self.batch(manifest, "-o", a)
        wanted = self.merged(a)
        line = self.lines(a)[0]
        line.update(incomplete="explaining failed", roots=[], explanation_lost="crashed")
        self.write("b", json.dumps(line) + "\n")
        line = self.lines(a)[0]
        line.update(verdict="inconclusive", tally=None, anomalies=None, roots=None,
                    error={"kind": "crashed", "message": "killed"})
        self.write("c", json.dumps(line) + "\n")
        for order in itertools.permutations([a, b, c]):
            self.assertEqual(self.merged(*order), wanted)
        self.assertEqual(json.loads(self.merged(c, b))["verdict"], "different")
        line = self.lines(b)[0]
        line.update(verdict="equivalent")
        line["tally"]["identical"] = [n + 1 for n in line["tally"]["identical"]]
        line["tally"]["unexplained"] = [0, 0]
        self.write("b", json.dumps(line) + "\n")
        self.refused("different results of the same files", "merge", a, b)

    def test_what_is_no_result_is_refused_by_its_line(self):
        manifest, a = self.manifest(*self.mixed()), self.here / "a"
        self.batch(manifest, "-o", a)
        good = self.lines(a)
        which = next(i for i, line in enumerate(good) if line["id"] == "c/hello")
        for change in (lambda line: line.pop("verdict"), lambda line: line.update(verdict="equal"),
                       lambda line: line.update(verdict="equivalent"), lambda line: line.update(verdict="identical"),
                       lambda line: line.update(verdict="inconclusive"), lambda line: line.update(extra=1),
                       lambda line: line["tally"].update(identical=[1, 1]),
                       lambda line: line["tally"]["set_aside"].update({"no-such-rule": [0, 0]}),
                       lambda line: line["vendor"].update(sha256="xyz"), lambda line: line["vendor"].update(size=-1),
                       lambda line: line["vendor"].update(sha256=None), lambda line: line["roots"].append({}),
                       lambda line: line.update(error={"kind": "limit", "message": "x"})):
            lines = json.loads(json.dumps(good))
            change(lines[which])
            self.write("b", "".join(json.dumps(line) + "\n" for line in lines))
            self.refused(f"b: line {which + 1}: ", "merge", self.here / "b")
            found = run("batch", "-q", "--resume", "-o", self.here / "b", manifest)
            self.assertEqual(found.returncode, 2)
        self.write("b", "{}\n" * 3)
        self.refused("b: line 1: ", "merge", self.here / "b")
        self.write("b", "[" * 100000 + "\n")
        self.refused("b: line 1: ", "merge", self.here / "b")

    def test_an_output_of_merge_is_whole_and_no_input(self):
        manifest, a = self.manifest(*self.mixed()), self.here / "a"
        self.batch(manifest, "-o", a)
        before = a.read_bytes()
        self.refused("is an input", "merge", "-o", a, a)
        self.assertEqual(a.read_bytes(), before)
        found = run("merge", "--summary", "-o", self.here / "out", a)
        self.assertEqual((self.here / "out").read_bytes(), self.merged(a))
        self.assertTrue(found.stdout.startswith(b"6 pairs: 1 identical, 1 equivalent, 2 different, 2 inconclusive\n"))
        self.assertIn(b"\n  date-other: 1 file, mov edx, 0x7e6 to mov edx, 0x7ea\n", found.stdout)
        self.assertIn(b"\n  c/hello: date-other: immediate of mov, .text, offset 0x248b\n", found.stdout)

    def test_junit_has_a_suite_a_package_and_a_case_a_pair(self):
        rows = self.mixed() + [self.pair("loose", package="a")]
        self.batch(self.manifest(*rows), "-o", self.here / "a")
        root = xml.etree.ElementTree.fromstring(run("merge", "-f", "junit", self.here / "a").stdout)
        self.assertEqual({suite.get("name"): (suite.get("tests"), suite.get("failures"), suite.get("errors"))
                          for suite in root}, {"a": ("4", "2", "0"), "b": ("2", "0", "2"), "c": ("1", "1", "0")})
        case = root.find("testsuite[@name='c']/testcase")
        self.assertEqual((case.get("classname"), case.get("name")), ("c", "hello"))
        self.assertIn("date-other: immediate of mov, .text", case.find("failure").text)
        self.assertIn("not an ELF file", root.find("testsuite[@name='b']/testcase[@name='text']/error").get("message"))


class Resuming(Case):
    def test_what_is_done_is_skipped_and_what_changed_is_not(self):
        rows = self.mixed()
        manifest, results = self.manifest(*rows), self.here / "results"
        self.batch(manifest, "-o", results)
        before = results.read_bytes()
        # What could not be read may be readable now; all else stands.
        self.batch(manifest, "-o", results, "--resume")
        self.assertEqual(len(results.read_bytes().splitlines()), 7)
        self.assertEqual(self.merged(results), b"".join(sorted(before.splitlines(keepends=True))))
        changed = self.here / "changed"
        data = bytearray(changed.read_bytes())
        data[-1] ^= 1
        changed.write_bytes(data)
        self.write("absent", HELLO[0].read_bytes())
        self.batch(manifest, "-o", results, "--resume")
        added = self.lines(results)[7:]
        self.assertEqual({line["id"]: line["verdict"] for line in added},
                         {"a/differs": "different", "b/absent": "identical"})
        self.batch(manifest, "-o", results, "--resume", "--policy", "exact")
        self.assertEqual(len(self.lines(results)), 9 + 6)
        self.batch(manifest, "-o", results, "--resume", "--policy", "exact", "--limit", "time=99")
        self.assertEqual(len(self.lines(results)), 9 + 12)
        self.batch(manifest, "-o", self.here / "anew", "--policy", "exact", "--limit", "time=99")
        self.assertEqual(self.merged(results), self.merged(self.here / "anew"))

    def test_debug_files_are_inputs(self):
        debug = self.write("debug", self.debug.read_bytes())
        stripped = self.here / "stripped"
        subprocess.run(["strip", "-o", stripped, self.debug], check=True)
        manifest = self.manifest(self.pair("x") | {"vendor": str(stripped), "vendor_debug": str(debug)},
                                 self.pair("y", rebuilt_debug=str(self.here)))
        results = self.here / "results"
        self.batch(manifest, "-o", results)
        self.batch(manifest, "-o", results, "--resume")
        self.assertEqual(len(self.lines(results)), 2)
        debug.write_bytes(debug.read_bytes() + b"x")
        self.batch(manifest, "-o", results, "--resume")
        self.assertEqual([line["id"] for line in self.lines(results)][2:], ["x"])

    def test_a_torn_last_line_is_dropped_wherever_it_was_torn(self):
        manifest, results = self.manifest(*self.mixed()), self.here / "results"
        self.batch(manifest, "-o", results, "-j", 1)
        whole, wanted = results.read_bytes(), self.merged(results)
        last = whole.rstrip(b"\n").rindex(b"\n") + 1
        for cut in (last + 1, last + 40, len(whole) - 1):
            results.write_bytes(whole[:cut])
            found = run("merge", results)
            self.assertIn(b"torn", found.stderr)
            self.assertEqual(len(found.stdout.splitlines()), 5)
            found = run("batch", "-q", "--resume", "-o", results, manifest)
            self.assertIn(b"torn and is dropped", found.stderr)
            self.assertEqual(self.merged(results), wanted)
        results.write_bytes(b"\0" * 100)
        self.batch(manifest, "-o", results, "--resume")
        self.assertEqual(self.merged(results), wanted)

    def test_an_interrupt_keeps_what_is_finished(self):
        chance = random.Random(3)
        count = 50 if SHORT else 150
        manifest = kills.make_pairs(self.here, count, chance)
        self.batch(manifest, "-o", self.here / "whole")
        for number in (signal.SIGINT, signal.SIGTERM):
            results = self.here / f"results{number}"
            process = subprocess.Popen([ELFTALLY, "batch", "-j", "2", "-o", results, manifest], stderr=subprocess.PIPE)
            while process.poll() is None and (not results.exists() or results.stat().st_size < 2000):
                time.sleep(0.001)
            process.send_signal(number)
            error = process.communicate(timeout=60)[1]
            self.assertEqual(process.returncode, 2, error)
            self.assertIn(b"interrupted: what is finished is kept", error)
            finished = len(self.lines(results))
            self.assertTrue(0 < finished < count, finished)
            self.batch(manifest, "-o", results, "--resume")
            self.assertEqual(len(self.lines(results)) - finished, count - finished + sum(
                line["error"] is not None and line["error"]["kind"] == "system"
                for line in self.lines(results)[:finished]))
            self.assertEqual(self.merged(results), self.merged(self.here / "whole"))

    def test_kills_leave_no_mark_on_what_is_merged(self):
        rounds = 1 if SHORT else 3
        right, workers, parents = kills.run(ELFTALLY, rounds, pairs=30 if SHORT else 60, show=lambda text: None)
        self.assertEqual(right, rounds)
        self.assertTrue(workers > 0 and parents > 0)


class Workers(Case):
    def test_a_worker_that_hits_its_limit_costs_its_pair_only(self):
        rows = [self.pair("good"), {"id": "large", "vendor": str(self.write("v", self.debug.read_bytes() + b"a")),
                                    "rebuilt": str(self.write("r", self.debug.read_bytes() + b"b"))}]
        manifest = self.manifest(*rows)
        self.batch(manifest, "-o", self.here / "results", "--limit", "output=300")
        for line in self.lines(self.here / "results"):
            self.assertEqual((line["verdict"], line["error"]["kind"]), ("inconclusive", "limit"))
            self.assertIn("limit output, which is 300", line["error"]["message"])

    @unittest.skipIf(SHORT, "a sanitizer keeps what is freed")
    def test_memory_does_not_grow_with_the_pairs(self):
        same = str(self.write("same", HELLO[0].read_bytes()))
        used = []
        for count in (300, 3000):
            manifest = self.manifest(*({"id": f"f{i}", "vendor": str(HELLO[0]), "rebuilt": same}
                                       for i in range(count)), self.pair("x"))
            pid = os.posix_spawn(ELFTALLY, [ELFTALLY, "batch", "-q", "-o", str(self.here / f"r{count}"), manifest],
                                 os.environ)
            used.append(os.wait4(pid, 0)[2].ru_maxrss)
        # The manifest itself, and its index, are a few hundred bytes a pair.
        self.assertLess(used[1] - used[0], 4096, used)

    def test_progress_is_for_those_who_want_it(self):
        manifest = self.manifest(*self.mixed())
        found = run("batch", "-o", self.here / "a", manifest)
        self.assertEqual(found.stderr.decode().splitlines()[-1].split(" in ")[0], "elftally: 6 of 6 pairs")
        self.assertNotIn(b"\x1b", found.stderr)
        self.assertEqual(run("batch", "-q", "-o", self.here / "b", manifest).stderr, b"")
        leader, follower = os.openpty()
        subprocess.run([ELFTALLY, "batch", "-o", self.here / "c", manifest], stderr=follower, check=True)
        os.close(follower)
        shown = b""
        with contextlib.suppress(OSError):  # EIO: the other end is closed, and all is read
            while part := os.read(leader, 65536):
                shown += part
        os.close(leader)
        self.assertIn(b"\r6 of 6 pairs", shown.replace(b"\x1b[K", b""))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    unittest.main(argv=sys.argv[:1])
