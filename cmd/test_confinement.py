#!/usr/bin/env python3
"""Bombs, limits, and workers that die: each is inconclusive, in one line, in bounded time and memory.

Usage: test_confinement.py ELFTALLY SOURCE_ROOT
"""
import json
import os
import pathlib
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

ELFTALLY = os.path.abspath(sys.argv[1])
ROOT = pathlib.Path(sys.argv[2]).resolve()
SANITIZED = "--sanitized" in sys.argv
HELLO = [str(ROOT / "testdata/hello" / name) for name in ("hello.vendor", "hello.rebuilt")]

PROGBITS, STRTAB, NOTE = 1, 3, 7
COMPRESSED, ALLOC = 0x800, 2


def header(kind, phoff=0, phnum=0, shoff=0, shnum=0, shstrndx=0):
    return b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", kind, 62, 1, 0, phoff, shoff, 0, 64, 56, phnum,
                                                     64, shnum, shstrndx)


def shdr(name, kind, flags, offset, size, link=0, info=0, align=1):
    return struct.pack("<IIQQQQIIQQ", name, kind, flags, 0, offset, size, link, info, align, 0)


def object_file(sections):
    """ET_REL with these (name, type, flags, content); more than fit e_shnum stand in the null section."""
    names, body, headers = b"\0.shstrtab\0", b"", []
    places = {}
    for name, kind, flags, content in sections:
        if name not in places:
            places[name] = len(names)
            names += name.encode() + b"\0"
        headers.append(shdr(places[name], kind, flags, 64 + len(body), len(content)))
        body += content
    headers.append(shdr(1, STRTAB, 0, 64 + len(body), len(names)))
    body += names
    body += bytes(-len(body) % 8)
    count = len(headers) + 1
    null = shdr(0, 0, 0, 0, count if count >= 0xff00 else 0, link=count - 1 if count >= 0xff00 else 0, align=0)
    return header(1, shoff=64 + len(body), shnum=count if count < 0xff00 else 0,
                  shstrndx=count - 1 if count < 0xff00 else 0xffff) + body + null + b"".join(headers)


def packed(size, level=9):
    """An Elf64_Chdr and a zlib stream of zeros."""
    deflate = zlib.compressobj(level)
    stream = b"".join(deflate.compress(bytes(min(1 << 24, size - at))) for at in range(0, size, 1 << 24))
    return struct.pack("<IIQQ", 1, 0, size, 1) + stream + deflate.flush()


class Confinement(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.here = pathlib.Path(self.directory.name)

    def tearDown(self):
        self.directory.cleanup()

    def write(self, vendor, rebuilt):
        paths = self.here / "vendor", self.here / "rebuilt"
        for path, content in zip(paths, (vendor, rebuilt)):
            path.write_bytes(content)
        return paths

    def run_bounded(self, *arguments):
        """Within 10 s (on an idle machine) and 1 GiB beside the files."""
        begin = time.monotonic()
        process = subprocess.Popen([ELFTALLY, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, errors="surrogateescape")
        out, err = process.communicate(timeout=120)
        if not SANITIZED:
            used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            self.assertLess(used, (1 << 20) + 300000)
        return process.returncode, out, err, time.monotonic() - begin

    def inconclusive(self, message, *arguments):
        code, out, err, _ = self.run_bounded(*arguments)
        self.assertEqual((code, out), (2, ""), err)
        self.assertIn(message, err)
        self.assertEqual(len(err.splitlines()), 1)
        self.assertTrue(err.startswith("elftally: "))

    def never_equal(self, vendor, rebuilt, message=None):
        paths = self.write(vendor, rebuilt)
        if message is not None:
            self.inconclusive(message, *paths)
        code, out, err, _ = self.run_bounded("-f", "json", *paths)
        self.assertIn(code, (1, 2), err)
        self.assertIn(json.loads(out)["verdict"], ("different", "inconclusive"))

    def test_a_section_that_decompresses_to_much_hits_its_limit(self):
        bomb = object_file([(".debug_info", PROGBITS, COMPRESSED, packed(1 << 30))])
        self.never_equal(bomb, bomb[:-1] + b"\1", "limit decompressed")

    def test_many_sections_that_decompress_to_much_together_hit_the_limit(self):
        one = packed(20 << 20)
        bomb = object_file([(f".debug_{i}", PROGBITS, COMPRESSED, one) for i in range(60)])
        self.never_equal(bomb, bomb[:-1] + b"\1", "limit decompressed")

    def test_headers_that_share_one_stream_decompress_nothing(self):
        stream, names = packed(200 << 20), b"\0.debug_info\0.shstrtab\0"
        body = stream + names
        body += bytes(-len(body) % 8)
        headers = b"".join([shdr(1, PROGBITS, COMPRESSED, 64, len(stream))] * 64)
        table = shdr(0, 0, 0, 0, 0) + headers + shdr(13, STRTAB, 0, 64 + len(stream), len(names))
        bomb = header(1, shoff=64 + len(body), shnum=66, shstrndx=65) + body + table
        paths = self.write(bomb, bomb + b"x")
        code, out, err, _ = self.run_bounded("-f", "json", *paths)
        self.assertEqual(code, 1, err)
        self.assertIn("overlapping-claims", out)

    def test_sections_beyond_the_limit_are_refused(self):
        bomb = header(1, shoff=64) + shdr(0, 0, 0, 0, 3000000) + bytes(64)
        self.never_equal(bomb, bomb + b"x", "limit sections")
        bomb = header(1, shoff=64) + shdr(0, 0, 0, 0, 1 << 60) + bytes(64)
        self.never_equal(bomb, bomb + b"x", "limit sections")

    def test_many_sections_take_their_time_and_no_more(self):
        # The names alone would do for a comparison of each with each.
        for names in (lambda i: ".debug_info", lambda i: f".debug_x{i}"):
            many = object_file([(names(i), PROGBITS, 0, b"x") for i in range(300000)])
            self.never_equal(many, many.replace(b"xxxx", b"yyyy", 1))

    def test_many_segments_over_many_sections(self):
        count, sections = 60000, 60000
        phdrs = b"".join(struct.pack("<IIQQQQQQ", 1, 4, 0x1000, 0x10000 + i * 0x1000, 0, 0, 16, 0x1000)
                         for i in range(count))
        names = b"\0.s\0.shstrtab\0"
        start = 64 + len(phdrs)
        body = phdrs + names
        body += bytes(-len(body) % 8)
        table = shdr(0, 0, 0, 0, 0) + b"".join(
            struct.pack("<IIQQQQIIQQ", 1, 8, ALLOC, 0x10000 + (i * 7919 % count) * 0x1000, 0x1000, 8, 0, 0, 1, 0)
            for i in range(sections)) + shdr(4, STRTAB, 0, start, len(names))
        bomb = header(3, 64, count, 64 + len(body), sections + 2, sections + 1) + body + table
        other = bytearray(bomb)
        other[64 + 4] ^= 2  # p_flags of the first
        self.never_equal(bomb, bytes(other))

    def test_many_notes_in_many_sections(self):
        note = struct.pack("<III", 4, 4, 1) + b"GNU\0abcd"
        many = object_file([(".note", NOTE, 0, note * 2) for _ in range(60000)] + [(".note", NOTE, 0, note * 400000)])
        self.never_equal(many, many.replace(b"abcd", b"abce", 1))

    def test_a_difference_in_every_few_bytes(self):
        size = 16 << 20
        a = object_file([(".data", PROGBITS, ALLOC, bytes(size))])
        b = object_file([(".data", PROGBITS, ALLOC, (b"\1" + bytes(8)) * (size // 9) + bytes(size % 9))])
        self.never_equal(a, b)
        self.inconclusive("limit findings", "--limit", "findings=100", *self.write(a, b))

    def test_limits_have_names(self):
        self.inconclusive("limit sections, which is 3", "--limit", "sections=3", *HELLO)
        self.inconclusive("limit findings, which is 2", "--limit", "findings=2", *HELLO)
        if not SANITIZED:
            self.inconclusive("limit memory, which is 4096", "--limit", "memory=4k", *HELLO)
        self.inconclusive("wants NAME=VALUE", "--limit", "patience=3", *HELLO)
        self.inconclusive("wants a number", "--limit", "time=soon", *HELLO)
        read, write = os.pipe()
        with subprocess.Popen(["head", "-c", "1M", "/dev/zero"], stdout=write):
            os.close(write)
            found = subprocess.run([ELFTALLY, "--limit", "stream=64k", HELLO[0], f"/dev/fd/{read}"], pass_fds=[read],
                                   capture_output=True, text=True)
            os.close(read)
        self.assertEqual(found.returncode, 2)
        self.assertIn("limit stream, which is 65536", found.stderr)

    def test_time_has_its_limit_and_json_tells(self):
        os.mkfifo(self.here / "never")
        holder = os.open(self.here / "never", os.O_RDWR)
        code, out, err, took = self.run_bounded("-f", "json", "--limit", "time=1", self.here / "never", HELLO[0])
        os.close(holder)
        self.assertEqual(code, 2)
        self.assertIn("limit time, which is 1", err)
        self.assertIn("limit time", json.loads(out)["error"]["message"])
        self.assertLess(took, 30)

    def worker_of(self, process):
        for _ in range(1000):
            children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            if children:
                return int(children[0])
            time.sleep(0.01)
        self.fail("no worker")

    def test_a_killed_worker_is_inconclusive(self):
        os.mkfifo(self.here / "never")
        holder = os.open(self.here / "never", os.O_RDWR)
        for number in (signal.SIGSEGV, signal.SIGKILL, signal.SIGBUS):
            process = subprocess.Popen([ELFTALLY, "-f", "json", "-o", self.here / "report", self.here / "never",
                                        HELLO[0]], stderr=subprocess.PIPE, text=True)
            os.kill(self.worker_of(process), number)
            err = process.communicate(timeout=60)[1]
            self.assertEqual(process.returncode, 2)
            self.assertEqual(json.loads((self.here / "report").read_text())["verdict"], "inconclusive")
            self.assertEqual(len(err.splitlines()), 1, err)
        os.close(holder)

    def test_the_worker_goes_with_its_parent(self):
        os.mkfifo(self.here / "never")
        holder = os.open(self.here / "never", os.O_RDWR)
        process = subprocess.Popen([ELFTALLY, "-o", self.here / "report", self.here / "never", HELLO[0]],
                                   stderr=subprocess.DEVNULL)
        worker = self.worker_of(process)
        process.terminate()
        process.wait(timeout=60)
        for _ in range(1000):
            if not os.path.exists(f"/proc/{worker}/root") or "Z" in pathlib.Path(
                    f"/proc/{worker}/stat").read_text().rsplit(")", 1)[1].split()[0]:
                break
            time.sleep(0.01)
        else:
            self.fail("the worker lives on")
        os.close(holder)
        self.assertEqual(sorted(os.listdir(self.here)), ["never"])

    def test_the_report_tells_what_was_given_up(self):
        report = json.loads(subprocess.run([ELFTALLY, "-f", "json", *HELLO], capture_output=True).stdout)
        self.assertTrue(report["confinement"]["worker"] and report["confinement"]["no_new_privs"])
        found = subprocess.run([ELFTALLY, "--no-sandbox", "-f", "json", *HELLO], capture_output=True, text=True)
        self.assertEqual(json.loads(found.stdout)["confinement"],
                         {"worker": True, "no_new_privs": False, "landlock": 0, "seccomp": False})
        self.assertIn("warning: --no-sandbox", found.stderr)
        self.assertEqual(found.returncode, 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
