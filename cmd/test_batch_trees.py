#!/usr/bin/env python3
"""Whole-program tests of elftally batch and merge about pairs of archives and packages, among pairs of ELF files.

Usage: test_batch_trees.py ELFTALLY SOURCE_ROOT
"""
import gzip
import hashlib
import io
import json
import resource
import subprocess
import tarfile
import time
import unittest
import xml.etree.ElementTree

import jsonschema

import kills
from test_batch import ELFTALLY, HELLO, ROOT, Case, run

TREE_SCHEMA = jsonschema.Draft202012Validator(
    json.loads((ROOT / "libcompare/report/tree.schema.json").read_text()))
VENDOR, REBUILT = (path.read_bytes() for path in HELLO)
FILES = {"usr/bin/hello": VENDOR, "etc/conf": b"one\ntwo\n", "etc/link": "conf"}


class TreeCase(Case):
    def tar(self, name, files, mtime=1000, mode=0o644):
        """An archive of contents, or, where one is a str, of a link to it."""
        with tarfile.open(self.here / name, "w", format=tarfile.GNU_FORMAT) as archive:
            for path, content in files.items():
                info = tarfile.TarInfo(path)
                info.mtime, info.mode = mtime, mode
                if isinstance(content, str):
                    info.type, info.linkname = tarfile.SYMTYPE, content
                    archive.addfile(info)
                else:
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))
        return self.here / name

    def row(self, name, vendor, rebuilt, **more):
        return {"id": name, "vendor": str(vendor), "rebuilt": str(rebuilt), **more}

    def packages(self):
        """One pair of each verdict."""
        vendor = self.tar("vendor.tar", FILES)
        broken = [{**FILES, "lib/broken.so": b"\x7fELF\x02\x01\x01" + byte * 100} for byte in (b"a", b"b")]
        changed = {"usr/bin/hello": REBUILT, "etc/conf": b"one\nthree\n", "etc/link": "conf", "etc/new": b"new"}
        return [self.row("p/same", vendor, self.tar("same.tar", FILES)),
                self.row("p/later", vendor, self.tar("later.tar", FILES, mtime=2000)),
                self.row("p/changed", vendor, self.tar("changed.tar", changed)),
                self.row("p/broken", self.tar("broken.v.tar", broken[0]), self.tar("broken.r.tar", broken[1]))]

    def judged(self, *rows, options=(), name="results"):
        self.batch(self.manifest(*rows), "-o", self.here / name, *options)
        return {line["id"]: line for line in self.lines(self.here / name)}


class Lines(TreeCase):
    def test_a_line_holds_what_the_report_of_the_trees_says(self):
        rows = self.packages()
        lines = self.judged(*rows)
        self.assertEqual({name: line["verdict"] for name, line in lines.items()},
                         {"p/same": "identical", "p/later": "equivalent", "p/changed": "different",
                          "p/broken": "inconclusive"})
        self.assertNotIn("members", lines["p/same"])
        for row in rows[1:]:
            line, report = lines[row["id"]], json.loads(run("-f", "json", row["vendor"], row["rebuilt"]).stdout)
            counts = report["counts"]
            self.assertEqual(line["members"], {
                **{verdict: counts[verdict] for verdict in ("identical", "equivalent", "different", "inconclusive")},
                "alone": [counts["only_vendor"], counts["only_rebuilt"]],
                "bytes": [report["tally"][side]["size"] for side in ("vendor", "rebuilt")]})
            for i, side in enumerate(("vendor", "rebuilt")):
                with open(row[side], "rb") as file:
                    data = file.read()
                self.assertEqual(line[side], {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)})
                if line["tally"] is not None:
                    self.assertEqual({rule: both[i] for rule, both in line["tally"]["set_aside"].items() if both[i]},
                                     report["tally"][side]["by_rule"])
                    self.assertEqual(line["tally"]["unexplained"][i], report["tally"][side]["unexplained"])
        error = lines["p/broken"]["error"]
        self.assertEqual((error["kind"], lines["p/broken"]["tally"]), ("malformed", None))
        self.assertIn("lib/broken.so", error["message"])

    def test_roots_are_grouped_over_all_members(self):
        names = [f"bin/{i:02}" for i in range(30)]
        vendor = self.tar("v", {**dict.fromkeys(names, VENDOR), "a.txt": b"a\nb", "z.txt": b"a\nb\nc", "gone": b""})
        rebuilt = self.tar("r", {**dict.fromkeys(reversed(names), REBUILT), "z.txt": b"a\nb\nd", "a.txt": b"b\nb"})
        line = self.judged(self.row("x", vendor, rebuilt))["x"]
        self.assertEqual(line["roots"][0], {"cause": "date-other", "what": "immediate of mov", "place": "bin/00",
                                            "files": 30})
        self.assertIn({"cause": None, "what": "content", "place": "a.txt", "files": 2}, line["roots"])
        self.assertIn({"cause": None, "what": "member of the vendor alone", "place": "gone", "files": 1},
                      line["roots"])
        self.assertEqual((line["members"]["alone"], line["anomalies"]), ([1, 0], [0, 0]))

    def test_what_is_no_byte_of_a_member_makes_them_different_too(self):
        line = self.judged(self.row("mode", self.tar("v", FILES), self.tar("r", FILES, mode=0o755)))["mode"]
        self.assertEqual(line["verdict"], "different")
        self.assertEqual([(root["what"], root["files"]) for root in line["roots"] if root["what"] == "mode"],
                         [("mode", 3)])

    def test_two_runs_give_the_same_bytes_whatever_the_jobs(self):
        manifest = self.manifest(*self.packages(), *self.mixed())
        self.batch(manifest, "-o", self.here / "one", "-j", 1)
        self.batch(manifest, "-o", self.here / "three", "-j", 3, "--times")
        self.assertEqual(self.merged(self.here / "one"), self.merged(self.here / "three"))

    def test_what_is_no_pair_of_archives_is_none(self):
        vendor = self.tar("vendor.tar", FILES)
        (self.here / "folder").mkdir()
        compressed = self.write("vendor.tar.gz", gzip.compress(vendor.read_bytes(), mtime=0))
        lines = self.judged(self.row("elf", HELLO[0], vendor), self.row("one", vendor, vendor),
                            self.row("folder", self.here / "folder", vendor),
                            self.row("kinds", vendor, compressed))
        self.assertEqual(lines["elf"]["error"]["kind"], "not-elf")
        self.assertIn("one and the same", lines["one"]["error"]["message"])
        self.assertIn("it is a directory, which has no digest", lines["folder"]["error"]["message"])
        self.assertEqual([root["what"] for root in lines["kinds"]["roots"]], ["content"])
        self.assertTrue(all("members" not in lines[name] for name in ("elf", "one", "folder")))

    def test_hostile_names_of_members_are_data(self):
        names = ["\x1b[31mred", "a\nb", "../../up", "/etc/passwd", "x" * 3000, "\u202e"]
        archives = [self.tar(side, dict.fromkeys(names, side.encode())) for side in ("v", "r")]
        line = self.judged(self.row("x", *archives))["x"]
        self.assertEqual(line["verdict"], "different")
        self.assertTrue(all(byte in b"\n" or 32 <= byte < 127 for byte in (self.here / "results").read_bytes()))
        for options in (["--summary"], ["-f", "junit"]):
            self.assertNotIn(b"\x1b", run("merge", *options, self.here / "results").stdout)


class Runs(TreeCase):
    def test_merge_knows_both_kinds(self):
        manifest = self.manifest(*self.packages(), *self.mixed())
        self.batch(manifest, "-o", self.here / "whole")
        wanted = self.merged(self.here / "whole")
        shards = [self.here / f"shard{i}" for i in range(3)]
        for i, path in enumerate(shards):
            self.batch(manifest, "-o", path, "--shard", f"{i}/3")
        self.assertEqual(self.merged(*reversed(shards)), wanted)
        summary = run("merge", "--summary", *shards).stdout.decode()
        self.assertIn("10 pairs: 2 identical, 2 equivalent, 3 different, 3 inconclusive", summary)
        self.assertIn("p/changed: date-other: immediate of mov, usr/bin/hello", summary)
        suites = xml.etree.ElementTree.fromstring(run("merge", "-f", "junit", *shards).stdout.decode())
        failure = suites.find("testsuite[@name='p']/testcase[@name='changed']/failure")
        self.assertIn("date-other: immediate of mov, usr/bin/hello", failure.text)
        error = suites.find("testsuite[@name='p']/testcase[@name='broken']/error")
        self.assertIn("lib/broken.so", error.get("message"))

    def test_a_line_that_cannot_be_true_is_refused(self):
        lines = self.judged(*self.packages())
        different, equivalent = lines["p/changed"], lines["p/later"]
        undecided = lines["p/broken"]
        members = different["members"]
        for line in ({**different, "verdict": "equivalent"}, {**equivalent, "verdict": "different"},
                     {**different, "members": {**members, "bytes": [1, 1]}}, {**different, "members": {}},
                     {**equivalent, "members": {**equivalent["members"], "different": 1}},
                     {**equivalent, "members": {**equivalent["members"], "alone": [0, 1]}},
                     {**equivalent, "members": {**equivalent["members"], "inconclusive": 1}},
                     {**equivalent, "verdict": "identical"}, {**equivalent, "anomalies": [1, 0]},
                     {**undecided, "members": {**undecided["members"], "inconclusive": 0}},
                     {**undecided, "members": {**undecided["members"], "different": 1}},
                     {**different, "roots": [{**different["roots"][0], "confidence": 1}]}):
            self.refused("line 1: ", "merge", self.manifest(line, name="forged"))

    def test_what_is_done_is_skipped(self):
        rows = self.packages()
        self.judged(*rows)
        self.assertEqual(len(self.judged(*rows, options=["--resume"])), 4)
        self.assertEqual(len(self.lines(self.here / "results")), 4)
        self.tar("changed.tar", FILES, mtime=3000)
        lines = self.judged(*rows, options=["--resume"])
        self.assertEqual((len(self.lines(self.here / "results")), lines["p/changed"]["verdict"]), (5, "equivalent"))

    def test_full_reports_are_those_of_trees(self):
        rows, options = self.packages(), ["--reports", self.here / "reports"]
        lines = self.judged(*rows, options=options)
        self.assertNotIn("report", lines.pop("p/same"))
        for line in lines.values():
            report = json.loads((self.here / "reports" / line["report"]).read_text())
            TREE_SCHEMA.validate(report)
            self.assertEqual((report["verdict"], report["format"]), (line["verdict"], "elftally-tree"))
        gone = self.here / "reports" / lines["p/later"]["report"]
        gone.unlink()
        self.judged(*rows, options=[*options, "--resume"])
        self.assertTrue(gone.exists())
        self.assertEqual(len(self.lines(self.here / "results")), 5)

    def test_limits_are_those_of_each_member_s_worker(self):
        large = [gzip.compress(byte * (8 << 20), mtime=0) for byte in (b"a", b"b")]
        rows = [self.row("bomb", *(self.tar(f"bomb{i}", {"bomb.gz": data}) for i, data in enumerate(large))),
                self.row("good", self.tar("v", FILES), self.tar("r", {**FILES, "usr/bin/hello": REBUILT}))]
        lines = self.judged(*rows, options=["--limit", "unpacked=1M"])
        self.assertEqual({name: line["verdict"] for name, line in lines.items()},
                         {"bomb": "inconclusive", "good": "different"})
        self.assertEqual(lines["bomb"]["error"]["kind"], "limit")
        self.assertIn("limit unpacked, which is 1048576", lines["bomb"]["error"]["message"])
        lines = self.judged(*rows, options=["--limit", "output=300"], name="other")
        self.assertEqual(lines["bomb"]["verdict"], "different")
        self.assertIn("usr/bin/hello", lines["good"]["error"]["message"])
        self.assertIn("limit output, which is 300", lines["good"]["error"]["message"])


class Kills(TreeCase):
    def slow(self):
        """Two pairs that take long to unpack; of one of them, something differs beside that."""
        size = 64 << 20
        large = [gzip.compress(b"\0" * size + end, 1, mtime=0) for end in (b"a", b"b")]
        return [self.row("slow", *(self.tar(f"s{i}", {"large.gz": data}) for i, data in enumerate(large))),
                self.row("differs", *(self.tar(f"d{i}", {"a": b"ab"[i:i + 1], "large.gz": gzip.compress(
                    b"\0" * size, 1 + i, mtime=0)}) for i in range(2)))]

    def disturbed(self, row, depth, name, age=0.0):
        """A run of this pair; the first process that is so far below it for so many seconds is killed, if there is one."""
        results, seen = self.here / name, {}
        results.unlink(missing_ok=True)
        process = subprocess.Popen([ELFTALLY, "batch", "-q", "-o", results, self.manifest(row)], env=kills.ENVIRONMENT)
        killed = False
        while process.poll() is None:
            level = [process.pid]
            for _ in range(depth):
                level = [child for pid in level for child in kills.children(pid)]
            for pid in level:
                if not killed and time.monotonic() - seen.setdefault(pid, time.monotonic()) >= age:
                    killed = kills.kill(pid)
            time.sleep(0.001)
        self.assertEqual(process.returncode, 0)
        return self.lines(results)[0] if killed else None

    def killed(self, row, depth, name, hit):
        """The line of a run in which the kill came in time, neither before what is to be killed nor after it."""
        age = 0.05
        for _ in range(30):
            line = self.disturbed(row, depth, name, age)
            if line is not None and hit(line):
                return line
            # Too late it is where all has come to its end.
            late = line is None or (line["error"] is None and "explanation_lost" not in line)
            age = age * 0.6 if late else age * 1.5
        self.fail("nothing was killed in time")

    def test_a_worker_that_is_killed_costs_its_pair_until_the_next_run(self):
        slow, differs = self.slow()
        right = self.judged(slow, differs, name="right")
        self.assertEqual({line["verdict"] for line in right.values()}, {"different"})
        for depth in (1, 2):
            name = f"killed{depth}"
            line = self.killed(slow, depth, name, lambda line: line["error"] is not None)
            self.assertEqual((line["verdict"], line["error"]["kind"]), ("inconclusive", "crashed"))
            self.assertEqual("members" in line, depth == 2)
            self.assertEqual(self.merged(self.here / name, self.here / "right"), self.merged(self.here / "right"))
            self.judged(slow, differs, options=["--resume"], name=name)
            self.assertEqual(self.merged(self.here / name), self.merged(self.here / "right"))

    def test_a_difference_stands_whichever_member_s_worker_is_killed(self):
        _, differs = self.slow()
        right = self.judged(differs, name="right")["differs"]
        # The archives are to be listed, and what takes long in them is not to be done.
        line = self.killed(differs, 2, "killed", lambda line: "explanation_lost" in line)
        self.assertEqual((line["verdict"], line["explanation_lost"]), ("different", "crashed"))
        self.assertEqual(line["members"]["inconclusive"], 1)
        self.assertNotEqual(line["tally"], right["tally"])
        for order in (("killed", "right"), ("right", "killed")):
            self.assertEqual(json.loads(self.merged(*(self.here / name for name in order))), right)
        self.assertEqual(self.judged(differs, options=["--resume"], name="killed")["differs"], right)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    unittest.main(argv=["test_batch_trees.py"])
