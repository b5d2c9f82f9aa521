#!/usr/bin/env python3
"""Explanations of what is packed into a file: a kernel's archive and configuration, its type information, and digests of
the file itself. Each is unpacked or recomputed, so each has its malformed and hostile forms here.

Usage: test_explain_kernel.py ELFTALLY SOURCE_ROOT
"""
import gzip
import hashlib
import hmac
import struct
import subprocess
import sys
import unittest

from explained import Explained


class Packed(Explained):
    def told_below(self, explanation, confidence=50):
        for root in explanation["roots"]:
            for cause in root["causes"]:
                self.assertLess(cause["confidence"], confidence, cause)

    @staticmethod
    def cpio(mtime=0, content=b"#!/bin/sh\n", name=b"init\0", size=None, name_size=None, mode=0o100755):
        """An archive of one file, newc."""
        def entry(mode, mtime, name, content, size, name_size):
            head = b"070701" + b"".join(b"%08x" % word for word in (
                1, mode, 0, 0, 1, mtime, len(content) if size is None else size, 0, 0, 0, 0,
                len(name) if name_size is None else name_size, 0)) + name
            return head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)
        return entry(mode, mtime, name, content, size, name_size) + entry(0, 0, b"TRAILER!!!\0", b"", None, None)

    def with_archive(self, name, archive):
        (self.here / "archive").write_bytes(archive)
        (self.here / "kernel.S").write_text(
            '.section .init.ramfs, "a"\n.globl __irf_start\n__irf_start:\n.incbin "archive"\n.zero 64\n'
            '.section .note.GNU-stack, "", @progbits\n')
        return self.pair_file(name)

    def pair_file(self, name):
        subprocess.run(["gcc", "-c", "-o", self.here / name, "kernel.S"], check=True, cwd=self.here)
        return self.here / name

    def test_an_archive_in_the_kernel_is_read(self):
        vendor = self.with_archive("v", self.cpio(mtime=1500000000))
        told = self.explain(vendor, self.with_archive("r", self.cpio(mtime=1600000000)))
        self.assertEqual(self.causes(told), ["kernel-initramfs"])
        self.assertGreater(told["roots"][0]["causes"][0]["confidence"], 50)
        others = [self.cpio(content=b"#!/bin/su\n"), self.cpio(mode=0o104755), self.cpio(name=b"evil\0"),
                  self.cpio(size=0xffffffff), self.cpio(name_size=0xffffffff), self.cpio(name_size=0),
                  self.cpio(mtime=1600000000).replace(b"TRAILER", b"trailer"), self.cpio(mtime=1600000000)[:150],
                  self.cpio(mtime=1600000000).replace(b"070701", b"07070x", 1), b"070701", b"070701" + b"g" * 200,
                  self.cpio(mtime=1600000000).replace(bytes(3), b"\1\2\3", 1)]
        for archive in others:
            told = self.explain(vendor, self.with_archive("r", archive))
            for root in told["roots"]:
                for cause in root["causes"]:
                    self.assertLess(cause["confidence"], 50, (cause, archive))

    # ---- The configuration ----

    def with_config(self, name, packed, begin="IKCFG_ST", end="IKCFG_ED"):
        (self.here / "config").write_bytes(packed)
        (self.here / "kernel.S").write_text(
            f'.section .rodata, "a"\n.ascii "before"\n.ascii "{begin}"\n.incbin "config"\n.ascii "{end}"\n'
            '.balign 8192, 1\n.section .note.GNU-stack, "", @progbits\n')
        return self.pair_file(name)

    def test_a_configuration_is_unpacked(self):
        lines = "".join(f"CONFIG_{i}=y\n" for i in range(3000)).encode()
        vendor = self.with_config("v", gzip.compress(lines + b"CONFIG_HZ=100\n", mtime=0))
        told = self.explain(vendor, self.with_config("r", gzip.compress(lines + b"CONFIG_HZ=250\n", mtime=0)))
        self.assertEqual(self.causes(told), ["kernel-config"])
        evidence = told["roots"][0]["causes"][0]["evidence"]
        self.assertIn("1 option: \"CONFIG_HZ=100\" and \"CONFIG_HZ=250\"", evidence)
        told = self.explain(vendor, self.with_config("r", gzip.compress(lines + b"CONFIG_HZ=100\n", mtime=99)))
        self.assertEqual(self.causes(told), ["kernel-config"])
        self.assertIn("packed in two ways", told["roots"][0]["causes"][0]["evidence"])

    def test_what_is_no_configuration_is_unknown(self):
        plain = b"CONFIG_HZ=100\n"
        vendor = self.with_config("v", gzip.compress(plain, mtime=0))
        packed = gzip.compress(b"CONFIG_HZ=250\n", mtime=0)
        others = [packed[:-9], b"", b"\x1f\x8b", packed[:5] + b"\xff" * 30, gzip.compress(b"a\0b", mtime=0),
                  gzip.compress(b"x" * (5 << 20), mtime=0)]
        for other in others:
            self.told_below(self.explain(vendor, self.with_config("r", other)))
        for marks in ({"begin": "IKCFG_SX"}, {"end": "IKCFG_EX"}):
            self.told_below(self.explain(vendor, self.with_config("r", packed, **marks)))

    # ---- Types ----

    @staticmethod
    def btf(types, magic=0xeb9f, types_size=None):
        """A section of structs of two members: name, (name of a member, its type), ... A type is int, or a number."""
        strings, body = b"\0int\0", struct.pack("<IIII", 1, 1 << 24, 4, 32)
        for name, *members in types:
            packed = b""
            for i, (member, kind) in enumerate(members):
                packed += struct.pack("<III", len(strings), kind, 64 * i)
                strings += member.encode() + b"\0"
            body += struct.pack("<III", len(strings), 4 << 24 | len(members), 8 * len(members)) + packed
            strings += name.encode() + b"\0"
        size = len(body) if types_size is None else types_size
        return struct.pack("<HBBIIIII", magic, 1, 0, 24, 0, size, len(body), len(strings)) + body + strings

    def with_types(self, name, section):
        (self.here / "types").write_bytes(section)
        (self.here / "kernel.S").write_text('.section .BTF, "a"\n.incbin "types"\n'
                                            '.section .note.GNU-stack, "", @progbits\n')
        return self.pair_file(name)

    def test_types_in_another_order_are_the_same(self):
        vendor = self.with_types("v", self.btf([("a", ("x", 1), ("y", 3)), ("b", ("z", 1), ("w", 2))]))
        told = self.explain(vendor, self.with_types("r", self.btf([("b", ("z", 1), ("w", 3)), ("a", ("x", 1), ("y", 2))])))
        self.assertEqual(self.causes(told), ["btf-order"])

    def test_other_types_are_unknown(self):
        vendor = self.with_types("v", self.btf([("a", ("x", 1), ("y", 3)), ("b", ("z", 1), ("w", 2))]))
        whole = self.btf([("b", ("z", 1), ("w", 3)), ("a", ("x", 1), ("y", 2))])
        others = [self.btf([("b", ("z", 1), ("w", 2)), ("a", ("x", 1), ("y", 2))]),  # w is a b, not an a
                  self.btf([("b", ("z", 1), ("v", 3)), ("a", ("x", 1), ("y", 2))]),  # another name
                  self.btf([("b", ("z", 1), ("w", 99999)), ("a", ("x", 1), ("y", 2))]),
                  self.btf([("b", ("z", 1), ("w", 3)), ("a", ("x", 1), ("y", 2))], magic=0xeb9e),
                  self.btf([("b", ("z", 1), ("w", 3)), ("a", ("x", 1), ("y", 2))], types_size=0xfffffff0),
                  whole[:60], whole[:20], b"", whole.replace(struct.pack("<I", 4 << 24 | 2), b"\xff\xff\0\x04"),
                  whole.replace(struct.pack("<I", 4 << 24 | 2), b"\2\0\0\x1f")]
        for other in others:
            self.told_below(self.explain(vendor, self.with_types("r", other)))

    # ---- Digests of the file itself ----

    def sealed(self, name, place, make):
        """A program whose debug information names a place, and that has a digest of itself; make: of bytes, the digest."""
        folder = self.here / place
        folder.mkdir(exist_ok=True)
        (folder / "sealed.c").write_text("const unsigned char fips_hmac[32] = {1, 2, 3, 4, 5, 6, 7, 8};\n"
                                         "int main(int n, char **v) { return fips_hmac[n]; }\n")
        output = self.here / name
        subprocess.run(["gcc", "-O1", "-g", "-o", output, "sealed.c"], check=True, cwd=folder)
        content = bytearray(output.read_bytes())
        at = content.index(bytes(range(1, 9)) + bytes(24))
        content[at:at + 32] = bytes(32)
        content[at:at + 32] = make(content)
        output.write_bytes(content)
        return output

    @staticmethod
    def loaded(content):
        """As libgcrypt takes it: to the end of the last segment, without the header's fields about sections."""
        at, = struct.unpack_from("<Q", content, 32)
        size, count = struct.unpack_from("<HH", content, 54)
        end = max(sum(struct.unpack_from("<Q16xQ", content, at + size * i + 8)) for i in range(count))
        kept = bytearray(content[:end])
        kept[40:48], kept[58:64] = bytes(8), bytes(6)
        return kept

    def test_a_digest_of_the_file_is_recomputed(self):
        keys = b"orboDeJITITejsirpADONivirpUkvarP", b"What am I, a doctor or a moonshuttle conductor?"
        for make in (lambda content: hashlib.sha256(content).digest(),
                     lambda content: hmac.digest(keys[0], content, "sha256"),
                     lambda content: hmac.digest(keys[1], self.loaded(content), "sha256")):
            told = self.explain(self.sealed("v", "one", make), self.sealed("r", "another-place", make))
            self.assertEqual(sorted(self.causes(told)), ["build-path-debug", "fips-hmac"])

    def test_a_digest_of_something_else_is_unknown(self):
        right, other_key = (lambda content: hmac.digest(b"FIPS-FTW-RHT2009", content, "sha256"),
                            lambda content: hmac.digest(b"FIPS-FTW-RHT2010", content, "sha256"))
        for vendor, rebuilt in ((right, other_key), (other_key, other_key), (right, lambda content: bytes(range(32)))):
            told = self.explain(self.sealed("v", "one", vendor), self.sealed("r", "another-place", rebuilt))
            self.assertEqual(set(self.causes(told)), {"build-path-debug", "unknown"})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
