#!/usr/bin/env python3
"""A quick round of properties.py: files that toolchains make here, and some of the system.

Usage: test_properties.py ELFTALLY SOURCE_ROOT
"""
import os
import pathlib
import signal
import sys
import tempfile
import unittest

from properties import CHANGES, Properties, check, toolchain_files

ELFTALLY = os.path.abspath(sys.argv[1])
ROOT = pathlib.Path(sys.argv[2]).resolve()
COMMANDS = [
    *(["gcc", "-O2", "-g", f"-fuse-ld={linker}", "small.c", "-o", "out"] for linker in ("bfd", "gold", "lld")),
    *([compiler, "-g", "small.c", "-o", "out"] for compiler in (
        "clang", "i686-linux-gnu-gcc", "aarch64-linux-gnu-gcc", "arm-linux-gnueabihf-gcc", "mips-linux-gnu-gcc",
        "powerpc-linux-gnu-gcc", "riscv64-linux-gnu-gcc")),
    ["gcc", "-static", "small.c", "-o", "out"], ["gcc", "-O2", "-no-pie", "small.c", "-o", "out"],
    ["gcc", "-g", "-gz", "-c", "small.c", "-o", "out"], ["mips-linux-gnu-gcc", "-g", "-c", "small.c", "-o", "out"],
    ["gcc", "-shared", "-fPIC", "small.c", "-o", "out"], ["clang", "-c", "-g", "small.c", "-o", "out"],
]
# Of coreutils, bash, binutils and libc, which every machine that builds this has.
SYSTEM = ["/usr/bin/ls", "/usr/bin/sort", "/usr/bin/bash", "/usr/bin/readelf", "/usr/bin/strip", "/usr/bin/env",
          "/usr/lib/x86_64-linux-gnu/libm.so.6", "/usr/lib/x86_64-linux-gnu/crt1.o",
          "/usr/lib/x86_64-linux-gnu/libz.so.1", "/usr/aarch64-linux-gnu/lib/crt1.o"]


class HonestFiles(unittest.TestCase):
    def test_properties_hold_and_no_honest_file_has_an_anomaly(self):
        with tempfile.TemporaryDirectory() as where:
            files = [file for file in toolchain_files(ROOT, pathlib.Path(where), COMMANDS) if file[1]]
        files += [(path, pathlib.Path(path).read_bytes()) for path in SYSTEM if os.path.exists(path)]
        changes = [change for change in CHANGES if "--only-keep-debug" not in change[0]]
        outcome, count = check(Properties(ELFTALLY, changes), files)
        self.assertGreaterEqual(count, 20)
        self.assertEqual(outcome.broken, [])
        self.assertEqual(outcome.anomalies, [])


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    unittest.main(argv=sys.argv[:1], verbosity=1)
