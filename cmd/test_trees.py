#!/usr/bin/env python3
"""Whole-program tests of trees, archives and packages: what differs is noticed, and nothing that differs passes.

Usage: test_trees.py ELFTALLY SOURCE_ROOT
"""
import gzip
import hashlib
import io
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
import xml.etree.ElementTree

import jsonschema

ELFTALLY = os.path.abspath(sys.argv[1])
SANITIZED = "--sanitized" in sys.argv
ROOT = pathlib.Path(sys.argv[2]).resolve()
SCHEMA = json.loads((ROOT / "libcompare/report/tree.schema.json").read_text())
HELLO = [(ROOT / "testdata/hello" / name).read_bytes() for name in ("hello.vendor", "hello.rebuilt")]


def run(*arguments, **options):
    result = subprocess.run([ELFTALLY, *map(str, arguments)], capture_output=True, text=True, timeout=120,
                            errors="surrogateescape", **options)
    result.stderr = "".join(line for line in (result.stderr or "").splitlines(keepends=True)
                            if not line.startswith("elftally: warning: less confined than usual"))
    return result


def with_other_id(data):
    """Bytes of the hello that policy standard sets aside are changed: its build ID."""
    changed = bytearray(data)
    at = changed.index(b"\x14\0\0\0\3\0\0\0GNU\0") + 12
    changed[at] ^= 1
    return bytes(changed)


class Case(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.here = pathlib.Path(self.directory.name)
        self.addCleanup(self.directory.cleanup)

    def tree(self, name, files):
        """A directory with these files; a value that is a str is a link's target, None a directory."""
        top = self.here / name
        top.mkdir(exist_ok=True)
        for path, content in files.items():
            place = top / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                place.mkdir(exist_ok=True)
            elif isinstance(content, str):
                place.symlink_to(content)
            else:
                place.write_bytes(content)
        return top

    def tar(self, name, members, **options):
        """An archive of (path, content or link or None, changes of the TarInfo)."""
        path = self.here / name
        with tarfile.open(path, "w", **{"format": tarfile.GNU_FORMAT, **options}) as archive:
            for member, content, changes in members:
                info = tarfile.TarInfo(member)
                info.mtime = 1000
                if isinstance(content, str):
                    info.type, info.linkname = tarfile.SYMTYPE, content
                elif content is None:
                    info.type, info.mode = tarfile.DIRTYPE, 0o755
                else:
                    info.size = len(content)
                for field, value in changes.items():
                    setattr(info, field, value)
                archive.addfile(info, io.BytesIO(content) if isinstance(content, bytes) and info.size else None)
        return path

    def report(self, vendor, rebuilt, verdict, *options, times=False):
        """times: whether those of files may happen to be equal."""
        result = run("-f", "json", *options, vendor, rebuilt)
        status = {"identical": 0, "equivalent": 0, "different": 1, "inconclusive": 2}[verdict]
        report = json.loads(result.stdout)
        jsonschema.validate(report, SCHEMA)
        if verdict == "equivalent" and times:
            verdict = report["verdict"] if report["verdict"] == "identical" else verdict
        self.assertEqual((report["verdict"], result.returncode), (verdict, status), result.stdout[-3000:])
        for side in ("vendor", "rebuilt"):
            tally = report["tally"][side]
            self.assertEqual(tally["identical"] + tally["set_aside"] + tally["unexplained"], tally["size"])
            self.assertEqual(sum(tally["by_rule"].values()), tally["set_aside"])
        if verdict in ("identical", "equivalent"):
            self.assertEqual(report["tally"]["vendor"]["unexplained"], 0)
            self.assertEqual([pair for pair in report["pairs"] if pair["verdict"] not in ("identical", "equivalent")], [])
        return report

    def pair(self, report, path):
        found = [pair for pair in report["pairs"] if pair["path"] == path]
        self.assertEqual(len(found), 1, [pair["path"] for pair in report["pairs"]])
        return found[0]

    def facts(self, report, path):
        return {fact["what"]: fact["rule"] for fact in self.pair(report, path)["facts"]}


FILES = {"usr/bin/hello": HELLO[0], "etc/conf": b"one\ntwo\n", "etc/link": "conf", "empty": b"", "var": None}


class Directories(Case):
    def setUp(self):
        super().setUp()
        self.vendor, self.rebuilt = self.tree("vendor", FILES), self.tree("rebuilt", FILES)
        shutil.copystat(self.vendor, self.rebuilt)
        for path in sorted(self.vendor.rglob("*")):
            shutil.copystat(path, self.rebuilt / path.relative_to(self.vendor), follow_symlinks=False)

    def test_a_copy_is_identical(self):
        report = self.report(self.vendor, self.rebuilt, "identical")
        self.assertEqual(report["counts"]["identical"], len(report["pairs"]))
        self.assertTrue(run(self.vendor, self.rebuilt).stdout.startswith("identical (policy standard)"))

    def test_other_times_are_equivalent_and_differ_under_policy_exact(self):
        os.utime(self.rebuilt / "etc/conf", (1, 1))
        self.assertEqual(self.facts(self.report(self.vendor, self.rebuilt, "equivalent"), "etc/conf"),
                         {"time": "member-times"})
        self.assertEqual(self.facts(self.report(self.vendor, self.rebuilt, "different", "-p", "exact"), "etc/conf"),
                         {"time": None})

    def test_elf_files_go_the_way_of_a_byte(self):
        (self.rebuilt / "usr/bin/hello").write_bytes(with_other_id(HELLO[0]))
        report = self.report(self.vendor, self.rebuilt, "equivalent")
        self.assertEqual(self.pair(report, "usr/bin/hello")["tally"]["vendor"]["by_rule"], {"build-id": 1})
        (self.rebuilt / "usr/bin/hello").write_bytes(HELLO[1])
        report = self.report(self.vendor, self.rebuilt, "different")
        self.assertTrue(self.pair(report, "usr/bin/hello")["roots"][0]["cause"])
        self.assertEqual(report["groups"][0]["first"], "usr/bin/hello")

    def test_what_moved_is_counted_as_in_the_files_own_report(self):
        (self.rebuilt / "usr/bin/hello").write_bytes(HELLO[1])
        self.assertIsNone(self.pair(self.report(self.vendor, self.rebuilt, "different"), "usr/bin/hello")["moved"])
        report = self.report(self.vendor, self.rebuilt, "different", "-p", "semantic")
        moved = self.pair(report, "usr/bin/hello")["moved"]
        alone = json.loads(run("-f", "json", "-p", "semantic", self.vendor / "usr/bin/hello",
                               self.rebuilt / "usr/bin/hello").stdout)["moved"]
        del alone["changed"]
        self.assertEqual(alone, moved)
        self.assertGreater(moved["functions"], 0)
        self.assertEqual([None], [pair["moved"] for pair in report["pairs"] if pair["path"] == "etc/conf"])

    def test_a_changed_line_is_told_by_its_number(self):
        (self.rebuilt / "etc/conf").write_bytes(b"one\nthree\n")
        root = self.pair(self.report(self.vendor, self.rebuilt, "different"), "etc/conf")["roots"][0]
        self.assertEqual((root["what"], root["vendor"], root["rebuilt"]), ("line 2", "two", "three"))

    def test_files_of_one_side_are_findings(self):
        (self.rebuilt / "etc/more").write_bytes(b"x")
        (self.rebuilt / "empty").unlink()
        report = self.report(self.vendor, self.rebuilt, "different")
        self.assertEqual((report["counts"]["only_vendor"], report["counts"]["only_rebuilt"]), (1, 1))
        self.assertEqual(self.pair(report, "etc/more")["paired_by"], "only-rebuilt")

    def test_metadata_is_compared(self):
        for change, path, fact in (
                (lambda top: (top / "usr/bin/hello").chmod(0o4755), "usr/bin/hello", "mode"),
                (lambda top: (top / "var").chmod(0o1777), "var", "mode"),
                (lambda top: top.chmod(0o700), ".", "mode"),
                (lambda top: ((top / "etc/link").unlink(), (top / "etc/link").symlink_to("/etc/passwd")), "etc/link",
                 "link target"),
                (lambda top: ((top / "empty").unlink(), os.mkfifo(top / "empty")), "empty", "type"),
                (lambda top: ((top / "etc/conf").unlink(), (top / "etc/conf").symlink_to("link")), "etc/conf", "type"),
                (lambda top: ((top / "twin").write_bytes(b"one\ntwo\n"), ), "twin", None)):
            rebuilt = self.here / "changed"
            shutil.copytree(self.rebuilt, rebuilt, symlinks=True)
            change(rebuilt)
            report = self.report(self.vendor, rebuilt, "different")
            if fact and path != ".":
                self.assertIsNone(self.facts(report, path)[fact])
            shutil.rmtree(rebuilt)

    def test_hard_links_and_copies_are_told_apart(self):
        for top in (self.vendor, self.rebuilt):
            os.link(top / "etc/conf", top / "etc/same")
        shutil.copystat(self.vendor / "etc", self.rebuilt / "etc")
        self.report(self.vendor, self.rebuilt, "equivalent", times=True)
        (self.rebuilt / "etc/same").unlink()
        shutil.copy2(self.rebuilt / "etc/conf", self.rebuilt / "etc/same")
        self.assertIn("hard link to", self.facts(self.report(self.vendor, self.rebuilt, "different"), "etc/same"))

    def test_extended_attributes_are_compared(self):
        try:
            os.setxattr(self.rebuilt / "usr/bin/hello", "user.note", b"x")
        except OSError as error:
            self.skipTest(f"no extended attributes here: {error}")
        self.assertIn("attribute user.note",
                      self.facts(self.report(self.vendor, self.rebuilt, "different"), "usr/bin/hello"))

    def test_owners_and_capabilities_are_compared(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        os.chown(self.rebuilt / "empty", 12, 34)
        self.assertIn("owner", self.facts(self.report(self.vendor, self.rebuilt, "different"), "empty"))
        os.chown(self.rebuilt / "empty", 0, 0)
        try:
            os.setxattr(self.rebuilt / "usr/bin/hello", "security.capability",
                        bytes.fromhex("0100000200200000000000000000000000000000"))
        except OSError as error:
            self.skipTest(f"no capabilities here: {error}")
        self.assertIn("attribute security.capability",
                      self.facts(self.report(self.vendor, self.rebuilt, "different"), "usr/bin/hello"))

    def test_no_link_is_followed(self):
        for top, secret in ((self.vendor, b"a"), (self.rebuilt, b"b")):
            (self.here / f"outside-{secret.decode()}").write_bytes(secret)
        for top in (self.vendor, self.rebuilt):
            (top / "out").symlink_to(self.here / "outside-a")
            (top / "loop").symlink_to(".")
        self.report(self.vendor, self.rebuilt, "equivalent", times=True)

    def test_renamed_files_are_listed_as_such(self):
        (self.rebuilt / "usr/bin/hello").rename(self.rebuilt / "usr/bin/hallo")
        report = self.report(self.vendor, self.rebuilt, "different")
        pair = self.pair(report, "usr/bin/hello")
        self.assertEqual((pair["rebuilt_path"], pair["paired_by"]), ("usr/bin/hallo", "content"))
        self.assertIn("name", self.facts(report, "usr/bin/hello"))

    def test_an_elf_file_is_known_by_its_build_id(self):
        """As it differs in a byte, and lies elsewhere by another name."""
        (self.rebuilt / "usr/bin/hello").unlink()
        (self.rebuilt / "opt").mkdir()
        (self.rebuilt / "opt/program").write_bytes(HELLO[0].replace(b"Hello, world!", b"Hullo, world!"))
        report = self.report(self.vendor, self.rebuilt, "different")
        pair = self.pair(report, "usr/bin/hello")
        self.assertEqual((pair["rebuilt_path"], pair["paired_by"], pair["kind"]), ("opt/program", "build-id", "ELF"))
        self.assertIsNone(self.facts(report, "usr/bin/hello")["name"])

    def test_a_rename_that_could_mean_two_is_none(self):
        (self.vendor / "one").write_bytes(b"same")
        for name in ("two", "three"):
            (self.rebuilt / name).write_bytes(b"same")
        report = self.report(self.vendor, self.rebuilt, "different")
        self.assertEqual(self.pair(report, "one")["paired_by"], "only-vendor")

    def test_names_with_other_numbers_are_paired_and_differ(self):
        (self.vendor / "libx.so.1.2.3").write_bytes(b"vendor's")
        (self.rebuilt / "libx.so.1.2.10").write_bytes(b"rebuilt1")
        report = self.report(self.vendor, self.rebuilt, "different")
        self.assertEqual(self.pair(report, "libx.so.1.2.3")["paired_by"], "name")

    def test_a_map_pairs_names_and_says_so(self):
        for top, version in ((self.vendor, "1.0"), (self.rebuilt, "2.0")):
            (top / f"prog-{version}").mkdir()
            (top / f"prog-{version}/data").write_bytes(b"same")
        self.report(self.vendor, self.rebuilt, "different")
        report = self.report(self.vendor, self.rebuilt, "equivalent", "--map", "prog-1.*=prog-2.*", times=True)
        self.assertEqual(self.facts(report, "prog-1.0/data")["name"], "mapped-name")
        self.report(self.vendor, self.rebuilt, "different", "-p", "exact", "--map", "prog-1.0=prog-2.0")
        for wrong in ("x", "a*=b", "=b", "a=", "a=b=c"):
            self.assertEqual(run("--map", wrong, self.vendor, self.rebuilt).returncode, 2)

    def test_names_are_escaped(self):
        os.mkdir(os.fsencode(self.vendor) + b"/a\x1b[2Jb\xff")
        result = run(self.vendor, self.rebuilt)
        self.assertEqual(result.returncode, 1)
        self.assertNotIn("\x1b", result.stdout)
        self.assertIn("a\\x1b[2Jb\\xff", result.stdout)
        self.report(self.vendor, self.rebuilt, "different")

    def test_one_and_the_same_proves_nothing(self):
        self.assertEqual(run(self.vendor, self.vendor).returncode, 2)
        (self.rebuilt / "empty").unlink()
        (self.rebuilt / "etc/conf").unlink()
        os.link(self.vendor / "etc/conf", self.rebuilt / "etc/conf")
        os.link(self.vendor / "empty", self.rebuilt / "empty")
        report = self.report(self.vendor, self.rebuilt, "inconclusive")
        self.assertIn("one and the same", self.pair(report, "etc/conf")["error"])

    def test_what_cannot_be_read_is_trouble(self):
        self.assertEqual(run(self.vendor, self.here / "nothing").returncode, 2)
        file = self.here / "file"
        file.write_bytes(HELLO[0])
        result = run(self.vendor, file)
        self.assertEqual(result.returncode, 2)
        self.assertIn("neither a directory nor an archive", result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1)

    def test_a_proven_difference_stands_beside_what_is_inconclusive(self):
        (self.rebuilt / "usr/bin/hello").write_bytes(HELLO[0][:300])
        report = self.report(self.vendor, self.rebuilt, "inconclusive")
        self.assertIn("truncated", self.pair(report, "usr/bin/hello")["error"])
        (self.rebuilt / "etc/conf").write_bytes(b"x")
        self.report(self.vendor, self.rebuilt, "different")

    def test_junit_has_a_case_for_each_pair(self):
        (self.rebuilt / "etc/conf").write_bytes(b"<&>\n")
        (self.rebuilt / "empty").unlink()
        (self.rebuilt / "usr/bin/hello").write_bytes(HELLO[0][:300])
        result = run("-f", "junit", self.vendor, self.rebuilt)
        suite = xml.etree.ElementTree.fromstring(result.stdout).find("testsuite")
        cases = {case.get("name"): case for case in suite.findall("testcase")}
        self.assertEqual(suite.get("failures"), str(len(suite.findall("testcase/failure"))))
        self.assertEqual(suite.get("errors"), "1")
        self.assertIn("<&>", cases["etc/conf"].find("failure").text)
        self.assertEqual(cases["empty"].find("failure").get("message"), "vendor only")
        self.assertIsNotNone(cases["usr/bin/hello"].find("error"))

    def test_any_number_of_jobs_gives_the_same(self):
        for i in range(12):
            (self.vendor / f"hello{i}x").write_bytes(HELLO[0])
            (self.rebuilt / f"hello{i}x").write_bytes(HELLO[1])
        reports = []
        for jobs in (1, 2, 7):
            report = self.report(self.vendor, self.rebuilt, "different", "-j", str(jobs))
            for pair in report["pairs"]:
                del pair["seconds"]
            reports.append(report)
        self.assertEqual(reports[0], reports[1])
        self.assertEqual(reports[0], reports[2])
        self.assertEqual(report["groups"][0]["files"], 12)

    def test_an_interrupt_keeps_what_is_finished(self):
        for i in range(600):
            (self.vendor / f"hello{i:03}x").write_bytes(HELLO[0])
            (self.rebuilt / f"hello{i:03}x").write_bytes(HELLO[1])
        with subprocess.Popen([ELFTALLY, "-f", "json", "-j", "1", self.vendor, self.rebuilt], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as process:
            time.sleep(0.7)
            process.send_signal(signal.SIGINT)
            told, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 2, errors)
        self.assertIn("interrupted", errors)
        report = json.loads(told)
        jsonschema.validate(report, SCHEMA)
        self.assertTrue(report["interrupted"])
        self.assertGreater(report["counts"]["inconclusive"], 0)
        self.assertEqual(report["verdict"], "different" if report["counts"]["different"] else "inconclusive")


class Archives(Case):
    MEMBERS = [("./", None, {}), ("./usr/", None, {}), ("./usr/hello", HELLO[0], {"mode": 0o755}),
               ("./usr/link", "hello", {}), ("./usr/text", b"a\nb\n", {})]

    def changed(self, index, content=None, **changes):
        members = list(self.MEMBERS)
        name, before, _ = members[index]
        members[index] = (name, before if content is None else content, changes or members[index][2])
        return members

    def test_what_rules_set_aside_is_equivalent(self):
        vendor = self.tar("vendor.tar", self.MEMBERS)
        for members, rule in ((self.changed(4, mtime=2000), "member-times"),
                              (self.MEMBERS[:3] + self.MEMBERS[:2:-1], "member-order"),
                              (self.changed(2, with_other_id(HELLO[0])), "build-id")):
            rebuilt = self.tar("rebuilt.tar", members)
            report = self.report(vendor, rebuilt, "equivalent")
            told = json.dumps([report["tally"]["vendor"]["by_rule"], report["pairs"]])
            self.assertIn(rule, told)
            self.report(vendor, rebuilt, "different", "-p", "exact")

    def test_what_no_rule_sets_aside_is_different(self):
        vendor = self.tar("vendor.tar", self.MEMBERS)
        for changes in ({"mode": 0o4755}, {"mode": 0o755, "uid": 5}, {"mode": 0o755, "gname": "x"}):
            self.report(vendor, self.tar("rebuilt.tar", self.changed(2, **changes)), "different")
        self.report(vendor, self.tar("rebuilt.tar", self.changed(3, "elsewhere")), "different")
        self.report(vendor, self.tar("rebuilt.tar", self.changed(4, b"a\nc\n")), "different")
        self.report(vendor, self.tar("rebuilt.tar", self.MEMBERS[:-1]), "different")
        # A parent behind its child: another order may mean other files.
        self.report(vendor, self.tar("rebuilt.tar", self.MEMBERS[2:] + self.MEMBERS[:2]), "different")

    def test_tricks_with_tar_are_never_equivalent(self):
        vendor = self.tar("vendor.tar", self.MEMBERS)
        data = vendor.read_bytes()
        honest = bytearray(self.tar("rebuilt.tar", self.changed(4, mtime=2000)).read_bytes())
        rebuilt = self.here / "trick.tar"
        end = data.rindex(b"a\nb\n") + 512
        evil = self.tar("evil.tar", [("evil", b"payload", {})]).read_bytes()[:1024]
        for trick in (bytes(honest) + evil,                                   # behind the end of the archive
                      bytes(honest[:end]) + evil + bytes(honest[end:]),       # one more member
                      bytes(honest[:end]) + bytes(512) + evil + bytes(1024),  # behind a lone block of zeros
                      bytes(honest[:end + 1024]) + b"x" + bytes(honest[end + 1025:]),  # in the last record
                      bytes(honest[:end - 100]) + b"x" + bytes(honest[end - 99:])):    # in the padding of a member
            rebuilt.write_bytes(trick)
            report = self.report(vendor, rebuilt, "different")
            self.assertEqual(report["verdict"], "different")

    def test_an_archive_with_anomalies_is_never_equivalent(self):
        for extra in ([("./usr/text", b"a\nb\n", {})], [("/abs", b"x", {})], [("../up", b"x", {})],
                      [("usr/link/x", b"x", {})], [("a\x1bb", b"x", {})]):
            vendor = self.tar("vendor.tar", self.MEMBERS + extra)
            rebuilt = self.tar("rebuilt.tar", self.changed(4, mtime=2000) + extra)
            report = self.report(vendor, rebuilt, "different")
            self.assertTrue(report["pairs"][0]["anomalies"])
            self.assertIn("anomaly", run(vendor, rebuilt).stdout)

    def test_layers_are_looked_through(self):
        vendor, rebuilt = self.tar("vendor.tar", self.MEMBERS), self.tar("rebuilt.tar", self.changed(4, mtime=2000))
        for program in (["gzip", "-c"], ["xz", "-c"], ["zstd", "-qc"]):
            packed = []
            for path, level in ((vendor, "-1"), (rebuilt, "-9")):
                packed.append(pathlib.Path(f"{path}.{program[0]}"))
                with open(path, "rb") as plain:
                    packed[-1].write_bytes(subprocess.run([*program, level], stdin=plain, capture_output=True,
                                                          check=True).stdout)
            report = self.report(*packed, "equivalent")
            self.assertIn("archive-compression", report["tally"]["vendor"]["by_rule"])
            self.assertIn("member-times", report["tally"]["vendor"]["by_rule"])
            # What stands behind the stream, and a stream that is cut.
            packed[1].write_bytes(packed[1].read_bytes() + b"x")
            self.report(*packed, "different")
            packed[1].write_bytes(packed[1].read_bytes()[:-20])
            self.report(*packed, "different")
            # Another format is another file.
            self.report(packed[0], rebuilt, "different")

    def test_the_header_of_gzip_is_set_aside_but_not_its_name(self):
        paths = []
        for name, time_of_it, inner in (("a.gz", 1, "x"), ("b.gz", 2, "x"), ("c.gz", 1, "y")):
            with open(self.here / name, "wb") as file:
                with gzip.GzipFile(inner, "wb", mtime=time_of_it, fileobj=file) as packed:
                    packed.write(b"text\n")
            paths.append(self.here / name)
        report = self.report(paths[0], paths[1], "equivalent")
        self.assertIn("gzip-header", report["tally"]["vendor"]["by_rule"])
        self.report(paths[0], paths[2], "different")

    def test_static_libraries(self):
        for name, flags in (("one", ["-g", "-fdebug-prefix-map=.=/a"]), ("two", ["-g", "-fdebug-prefix-map=.=/another"])):
            (self.here / name).mkdir()
            for source, text in (("a", "int f(void) { return 1; }"), ("b", "int f(void); int g(void) { return f(); }")):
                (self.here / f"{source}.c").write_text(text + "\n")
                subprocess.run(["gcc", "-c", *flags, "-o", self.here / name / f"{source}.o", f"./{source}.c"],
                               check=True, cwd=self.here)
            subprocess.run(["ar", "rcD", "lib.a", "a.o", "b.o"], cwd=self.here / name, check=True)
        one, two = self.here / "one/lib.a", self.here / "two/lib.a"
        report = self.report(one, two, "equivalent")
        self.assertIn("ar-symbol-table", report["tally"]["vendor"]["by_rule"])
        # A table that gives another member for a symbol, and members in another order.
        lying = bytearray(two.read_bytes())
        lying[72 + 3] ^= 2
        (self.here / "lying.a").write_bytes(lying)
        self.report(one, self.here / "lying.a", "different")
        subprocess.run(["ar", "rcD", "other.a", "b.o", "a.o"], cwd=self.here / "two", check=True)
        report = self.report(one, self.here / "two/other.a", "different")
        self.assertIn("order of members", json.dumps(report["pairs"][0]["facts"]))

    def test_packages(self):
        packages = []
        other = with_other_id(HELLO[0])
        for name, hello, summed, extra in (("a", HELLO[0], HELLO[0], None), ("b", other, other, None),
                                           ("c", HELLO[0], HELLO[0], "extra"), ("d", other, b"another", None)):
            self.tar("data.tar", [("./", None, {}), ("./hello", hello, {"mode": 0o755})])
            self.tar("control.tar", [("./control", b"Package: hello\n", {}),
                                     ("./md5sums", hashlib.md5(summed).hexdigest().encode() + b"  hello\n", {})])
            members = ["debian-binary", "control.tar.xz", "data.tar.xz"]
            (self.here / "debian-binary").write_bytes(b"2.0\n")
            (self.here / "_gpgextra").write_bytes(b"hidden")
            for part in ("control.tar", "data.tar"):
                subprocess.run(["xz", "-kf", self.here / part], check=True)
            packages.append(self.here / f"{name}.deb")
            subprocess.run(["ar", "rcD", packages[-1], *members, *(["_gpgextra"] if extra else [])], cwd=self.here, check=True)
        report = self.report(packages[0], packages[1], "equivalent")
        self.assertEqual(self.pair(report, "data.tar.xz!/hello")["kind"], "ELF")
        self.assertEqual(self.pair(report, "control.tar.xz!/md5sums")["tally"]["vendor"]["by_rule"],
                         {"package-digests": 32})
        self.report(packages[0], packages[1], "different", "-p", "exact")
        # Digests that are not those of the package's own files are what they are.
        report = self.report(packages[0], packages[3], "different")
        self.assertEqual(self.pair(report, "control.tar.xz!/md5sums")["verdict"], "different")
        report = self.report(packages[0], packages[2], "different")
        self.assertEqual(self.pair(report, "_gpgextra")["paired_by"], "only-rebuilt")

    def test_a_directory_against_an_archive(self):
        members = [("./", None, {}), ("./usr/", None, {}), ("./usr/hello", HELLO[0], {"mode": 0o755})]
        archive = self.tar("a.tar", members)
        self.tar("data.tar", members)
        (self.here / "debian-binary").write_bytes(b"2.0\n")
        subprocess.run(["xz", "-kf", self.here / "data.tar"], check=True)
        package = self.here / "a.deb"
        subprocess.run(["ar", "rcD", package, "debian-binary", "data.tar.xz"], cwd=self.here, check=True)
        top = self.tree("top", {"usr/hello": HELLO[0]})
        for path, mode in ((top, 0o644), (top / "usr", 0o755), (top / "usr/hello", 0o755)):
            path.chmod(mode if path != top else 0o755)
        policy = self.here / "policy.json"
        policy.write_text(json.dumps({"name": "unpacked", "rules": [{"rule": rule, "reason": "it was unpacked"}
                                                                    for rule in ("archive-alone", "member-times")]}))
        for other in (archive, package):
            # The archive's own bytes have no partner, unless a policy accepts that.
            self.report(top, other, "different")
            if os.geteuid() == 0:
                for pair in ((top, other), (other, top)):
                    self.report(*pair, "equivalent", "-p", policy)
        (top / "usr/hello").write_bytes(HELLO[1])
        self.assertEqual(self.pair(self.report(top, package, "different", "-p", policy), "usr/hello")["kind"], "ELF")

    def test_images_of_file_systems(self):
        """Modes, links and devices in each; capabilities and hard links where the format has them."""
        if os.geteuid() != 0 or not shutil.which("mksquashfs") or not shutil.which("genisoimage"):
            self.skipTest("needs root, mksquashfs and genisoimage")
        def top(name):
            path = self.tree(name, {"bin/su": HELLO[0], "bin/ls": b"ls", "bin/link": "su", "conf": b"text\n"})
            os.link(path / "bin/ls", path / "bin/dir")
            os.mknod(path / "null", 0o600 | 0o020000, os.makedev(1, 3))
            return path
        def image(path, kind):
            to = path.with_suffix("." + kind)
            to.unlink(missing_ok=True)
            # Links and all else: the time at which they were made is the same in all.
            subprocess.run(["find", path, "-exec", "touch", "-h", "-d", "@1000", "{}", "+"], check=True)
            command = (["mksquashfs", path, to, "-quiet", "-no-progress"] if kind == "sqfs" else
                       ["genisoimage", "-quiet", "-R", "-cache-inodes", "-o", to, path])
            subprocess.run(command, check=True, capture_output=True, env={**os.environ, "SOURCE_DATE_EPOCH": "1000"})
            return to
        def relink(path, target):
            path.unlink()
            path.symlink_to(target)
        def separate(path):
            (path / "bin/dir").unlink()
            (path / "bin/dir").write_bytes(b"ls")
        def device(path):
            (path / "null").unlink()
            os.mknod(path / "null", 0o600 | 0o020000, os.makedev(1, 5))
        changes = [(lambda path: (path / "bin/su").chmod(0o4755), "bin/su", "mode", ("sqfs", "iso")),
                   (lambda path: relink(path / "bin/link", "/etc/shadow"), "bin/link", "link target", ("sqfs", "iso")),
                   (separate, "bin/dir", "hard link to", ("sqfs", "iso")),
                   (device, "null", "device", ("sqfs", "iso")),
                   (lambda path: os.setxattr(path / "bin/su", "security.capability",
                                             bytes.fromhex("0100000200200000000000000000000000000000")),
                    "bin/su", "attribute security.capability", ("sqfs",))]
        base = top("base")
        images = {kind: image(base, kind) for kind in ("sqfs", "iso")}
        for number, (change, path, fact, kinds) in enumerate(changes):
            changed = top(f"changed{number}")
            try:
                change(changed)
            except OSError:
                continue  # no capabilities on this file system
            for kind in kinds:
                report = self.report(images[kind], image(changed, kind), "different")
                self.assertIn(fact, self.facts(report, path), (kind, fact))

    def test_nesting_has_its_limit(self):
        for name, time_of_it in (("vendor", 1), ("rebuilt", 2)):
            data = self.tar("inner.tar", [("x", b"x", {"mtime": time_of_it})]).read_bytes()
            for _ in range(20):
                data = gzip.compress(data, mtime=0)
            (self.here / name).write_bytes(data)
        report = self.report(self.here / "vendor", self.here / "rebuilt", "inconclusive")
        self.assertIn("limit depth, which is 16", json.dumps(report["pairs"]))
        self.report(self.here / "vendor", self.here / "rebuilt", "equivalent", "--limit", "depth=30")

    def test_a_bomb_hits_its_limit(self):
        for name, byte in (("vendor", b"\0"), ("rebuilt", b"\1")):
            with gzip.open(self.here / name, "wb") as bomb:
                for _ in range(64):
                    bomb.write(byte * (1 << 20))
        report = self.report(self.here / "vendor", self.here / "rebuilt", "inconclusive", "--limit", "unpacked=16M")
        self.assertIn("limit unpacked", json.dumps(report["pairs"]))

    def test_initramfs_images(self):
        def image(name, mode, link):
            def entry(path, mode, content=b"", inode=1, links=1):
                head = b"070701" + b"".join(b"%08X" % value for value in (inode, mode, 0, 0, links, 7, len(content), 8,
                                                                          1, 0, 0, len(path) + 1, 0))
                data = head + path + b"\0"
                data += bytes(-len(data) % 4) + content
                return data + bytes(-len(data) % 4)
            early = entry(b"kernel", 0o40755) + entry(b"TRAILER!!!", 0)
            early += bytes(-len(early) % 512)
            main = entry(b"bin", 0o40755) + entry(b"bin/su", 0o100000 | mode, HELLO[0], 2) + entry(b"init", 0o120777, link)
            main += entry(b"TRAILER!!!", 0)
            path = self.here / name
            path.write_bytes(early + gzip.compress(main, mtime=0))
            return path
        vendor = image("vendor", 0o4755, b"bin/su")
        self.assertEqual(self.facts(self.report(vendor, image("rebuilt", 0o755, b"bin/su"), "different"),
                                    "part-2!/bin/su"), {"mode": None})
        self.assertEqual(self.facts(self.report(vendor, image("rebuilt", 0o4755, b"bin/sh"), "different"),
                                    "part-2!/init"), {"link target": None})

    def test_zip_and_iso_are_compared_member_by_member(self):
        top = self.tree("top", FILES)
        zips = []
        for name, content in (("a", b"one\ntwo\n"), ("b", b"one\n2\n")):
            (top / "etc/conf").write_bytes(content)
            zips.append(shutil.make_archive(str(self.here / name), "zip", top))
        report = self.report(*zips, "different")
        self.assertEqual(self.pair(report, "etc/conf")["roots"][0]["what"], "line 2")
        self.assertEqual(self.pair(report, "usr/bin/hello")["verdict"], "identical")

    def test_signed_modules_have_their_signature_as_a_layer(self):
        module = HELLO[0]
        trees = []
        for name, signature in (("vendor", b"\xaa" * 64), ("rebuilt", b"\xbb" * 64), ("unsigned", b"")):
            trailer = b"" if not signature else signature + bytes(8) + len(signature).to_bytes(4, "big") + \
                b"~Module signature appended~\n"
            trees.append(self.tree(name, {"x.ko.gz": gzip.compress(module + trailer, mtime=0)}))
        report = self.report(trees[0], trees[1], "different")
        self.assertEqual(self.pair(report, "x.ko.gz!/module")["verdict"], "identical")
        self.assertEqual(self.pair(report, "x.ko.gz!/signature")["verdict"], "different")
        report = self.report(trees[0], trees[2], "different")
        self.assertEqual(self.pair(report, "x.ko.gz!/signature")["paired_by"], "only-vendor")

    def test_what_only_looks_like_an_archive_is_compared_as_bytes(self):
        for magic in (b"\x1f\x8b\x08", b"!<arch>\n", b"070701", b"PK\3\4", b"BZh9", b"hsqs", b"\xed\xab\xee\xdb",
                      b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"\x04\x22\x4d\x18"):
            trees = [self.tree(name, {"file": magic + text}) for name, text in (("a", b"text a"), ("b", b"text b"))]
            report = self.report(*trees, "different")
            self.assertIn("compared as bytes", self.pair(report, "file")["note"])

    def test_random_changes_of_archives_never_pass_for_equal_contents(self):
        """Whatever byte is changed: what passes extracts to the same files, by another reader's word."""
        def extracted(path):
            with tarfile.open(path) as archive:
                return [(member.name, member.type, member.mode, member.uid, member.gid, member.uname, member.gname,
                         member.linkname, archive.extractfile(member).read() if member.isreg() else None)
                        for member in archive]
        members = [("./", None, {}), ("./a", b"text", {}), ("./b", "a", {})]
        vendor = self.tar("vendor.tar", members)
        data, passed, paths = vendor.read_bytes(), 0, []
        random.seed(6)
        for number in range(80):
            changed = bytearray(data)
            at = random.randrange(0, 4 * 512)
            changed[at] ^= 1 << random.randrange(8)
            header = at // 512 * 512
            if header != 1024 and random.random() < 0.7:
                block = changed[header:header + 512]
                block[148:156] = b" " * 8
                changed[header + 148:header + 156] = b"%06o\0 " % sum(block)
            paths.append(self.here / f"changed-{number}.tar")
            paths[-1].write_bytes(changed)
        for rebuilt in paths:
            if run("-q", vendor, rebuilt).returncode == 0:
                passed += 1
                self.assertEqual(extracted(vendor), extracted(rebuilt))
        self.assertGreater(passed, 0)


class Confinement(Case):
    @unittest.skipIf(SANITIZED, "the sanitizers map terabytes: there is no limit on memory")
    def test_workers_that_cannot_have_memory_are_inconclusive(self):
        vendor = self.tree("vendor", {"x": HELLO[0]})
        rebuilt = self.tree("rebuilt", {"x": HELLO[1]})
        report = self.report(vendor, rebuilt, "inconclusive", "--limit", "memory=1k")
        self.assertIn("memory", self.pair(report, "x")["error"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
