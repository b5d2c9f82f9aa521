#!/usr/bin/env python3
"""Policy semantic on other machines than x86: what their compilers make of switches, computed gotos and calls that never
return is followed, in stripped files too, and what leads elsewhere is found."""
import json
import pathlib
import random
import re
import subprocess
import tempfile
import unittest

from elf_file import Elf
from explained import ELFTALLY
from retargets import Foreign, Retarget, accepted

# Cross compiler, flags, sections in which something may stay unexplained, and how many bytes of them.
MACHINES = {
    "aarch64": ("aarch64-linux-gnu", ("-O2",), {".rodata": 64}),
    "arm": ("arm-linux-gnueabihf", ("-O2", "-marm"), {".rodata": 64, ".plt": 4}),
    "thumb": ("arm-linux-gnueabihf", ("-O2", "-mthumb"), {".rodata": 64, ".plt": 4}),
    "powerpc": ("powerpc-linux-gnu", ("-O2", "-fPIE", "-pie"), {".rodata": 64, ".text": 72}),
    "mips": ("mips-linux-gnu", ("-O2",), {".rodata": 64, ".text": 80, ".rel.dyn": 8}),
}
SOURCES = {
    "main.c": """
#include <stdio.h>
int token(int, const char *), machine(const unsigned char *, int), divide(unsigned, unsigned);
int main(int argc, char **argv)
{
    printf("%s: %d\\n", LABEL, token(argc, argv[0]));
    return machine((const unsigned char *)argv[0], argc) + divide((unsigned)argc * 7919u, (unsigned)argc);
}
""",
    "token.c": """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
__attribute__((noinline, noreturn)) static void fail(const char *what) { fputs(what, stderr); exit(1); }
static int depth;
int token(int n, const char *text)
{
    for (;;) {
        switch (n) {
        case 0: return depth;
        case 1: puts("one and only"); return 12;
        case 2: return (int)strlen(text);
        case 3: if (text[0] == 'x') fail("the third"); n = atoi(text); break;
        case 4: puts("the fourth"); return rand();
        case 5: return text[0] * 7;
        case 6: return getenv("HOME") != NULL;
        case 7: depth += n; n = text[1]; break;
        case 8: case 9: fail("eight or nine");
        default: if (n > 100) return -1; n -= text[2]; text++;
        }
    }
}
""",
    "machine.c": """
#include <stdio.h>
int machine(const unsigned char *code, int x)
{
    static const void *const labels[] = {&&stop, &&add, &&twice, &&tell, &&back};
    int n = 0;
    goto *labels[code[n++] % 5];
add: x += code[n]; goto *labels[code[n++] % 5];
twice: x *= 2; goto *labels[code[n++] % 5];
tell: printf("at %d\\n", x); goto *labels[code[n++] % 5];
back: if (x > 1000) n = 0; goto *labels[code[n++] % 5];
stop: return x;
}
int divide(unsigned a, unsigned b) { return (int)(a / (b + 1) + a % (b + 3)); }
""",
}


class Machines(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.here = pathlib.Path(cls.directory.name)
        cls.built = {}

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def build(self, machine, label, extra=()):
        prefix, flags, _ = MACHINES[machine]
        name = f"{machine}-{len(label)}{''.join(extra)}"
        if name not in self.built:
            (self.here / name).mkdir()
            for source, text in SOURCES.items():
                (self.here / name / source).write_text(text)
            target = self.here / name / "program"
            subprocess.run([f"{prefix}-gcc", *flags, *extra, "-fno-ident", f'-DLABEL="{label}"', *SOURCES, "-o", target],
                           check=True, cwd=self.here / name)
            subprocess.run([f"{prefix}-strip", target, "-o", f"{target}-stripped"], check=True)
            self.built[name] = (target, target.with_name("program-stripped"))
        return self.built[name]

    def pairs(self, machine, extra=()):
        """Named and stripped: a longer text moves all that stands behind it."""
        return zip(self.build(machine, "a label", extra), self.build(machine, "a label that is longer by far", extra))

    def compare(self, vendor, rebuilt):
        ran = subprocess.run([ELFTALLY, "-f", "json", "-p", "semantic", "--explain", "none", vendor, rebuilt],
                             capture_output=True, text=True, timeout=120)
        return json.loads(ran.stdout)

    def left(self, report):
        """Unexplained bytes by section, of what is loaded."""
        loaded = {section["name"] for section in report["sections"]
                  if (section["vendor"] or section["rebuilt"]).get("address") not in (None, "0")}
        found = {}
        for finding in report["findings"]:
            name = finding["section"]
            if finding["standing"] == "unexplained" and name in loaded and not name.startswith(".note"):
                size = max((finding[side] or {"size": 0})["size"] for side in ("vendor", "rebuilt"))
                found[name] = found.get(name, 0) + size
        return found

    def test_a_longer_string_is_about_all_that_is_left(self):
        for machine, (_, _, most) in MACHINES.items():
            for vendor, rebuilt in self.pairs(machine):
                with self.subTest(machine=machine, file=vendor.name):
                    report = self.compare(vendor, rebuilt)
                    for section, size in self.left(report).items():
                        self.assertLessEqual(size, most.get(section, 0), section)
                    self.assertEqual([], [change for change in report["moved"]["changed"] if not change["equal"]])

    def test_one_place_that_leads_elsewhere_is_found(self):
        rng = random.Random(1)
        for machine in MACHINES:
            for vendor, rebuilt in self.pairs(machine):
                program, crafted = Foreign(str(rebuilt)), self.here / "crafted"
                before = self.compare(vendor, rebuilt)
                for kind in Foreign.KINDS * 6:
                    change = program.retarget(rng, kind)
                    if change is None:
                        continue
                    crafted.write_bytes(change.apply(program.bytes))
                    with self.subTest(machine=machine, file=vendor.name, kind=kind, told=change.told):
                        self.assertFalse(accepted(self.compare(vendor, crafted), change, before))

    def test_each_entry_of_a_table_that_leads_elsewhere_is_found(self):
        """Bytes of constants that stand between texts: in these programs, tables of switches, and little else."""
        for machine in MACHINES:
            for vendor, rebuilt in self.pairs(machine):
                program, crafted = Foreign(str(rebuilt)), self.here / "crafted"
                tables = [section for section in program.data if section.sh_size < 4096 and section.sh_type == 1 and
                          b"one and only" in program.bytes[section.sh_offset:section.sh_offset + section.sh_size]]
                self.assertEqual(1, len(tables))
                begin, end = tables[0].sh_offset, tables[0].sh_offset + tables[0].sh_size
                for offset in range(begin, end - 1):
                    old, new = program.bytes[offset], program.bytes[offset + 1]
                    if old in (0, new) or new == 0 or chr(old).isprintable() or old == 10:
                        continue
                    change = Retarget("entry", offset, bytes([new]), f"{offset:#x}: {old:#x} becomes {new:#x}")
                    crafted.write_bytes(change.apply(program.bytes))
                    with self.subTest(machine=machine, file=vendor.name, told=change.told):
                        self.assertFalse(accepted(self.compare(vendor, crafted), change))

    # Stubs of the linker: what their last word, or first one, has of the symbol or the slot, and what stands beside it.
    STUBS = {"mips": (rb"\x8f\x99\x80\x10\x03\xe0\x78.\x03\x20\xf8\x09\x24\x18(..)", 6),
             "powerpc": (rb"\x81\x7e(..)\x7d\x69\x03\xa6\x4e\x80\x04\x20", 4)}

    def test_a_stub_of_another_function_is_found(self):
        for machine, (pattern, least) in self.STUBS.items():
            for vendor, rebuilt in self.pairs(machine):
                program, crafted = rebuilt.read_bytes(), self.here / "crafted"
                before = self.compare(vendor, rebuilt)
                stubs = list(re.finditer(pattern, program, re.DOTALL))
                self.assertGreaterEqual(len(stubs), least)
                for stub, other in zip(stubs, stubs[1:]):
                    change = Retarget("stub", stub.start(1), other[1], f"{stub.start():#x} becomes {other.start():#x}")
                    crafted.write_bytes(change.apply(program))
                    with self.subTest(machine=machine, file=vendor.name, told=change.told):
                        self.assertFalse(accepted(self.compare(vendor, crafted), change, before))

    def test_another_gp_is_found(self):
        for vendor, rebuilt in self.pairs("mips"):
            elf, crafted = Elf(rebuilt.read_bytes()), self.here / "crafted"
            place = elf.section(".reginfo").sh_offset + 20
            change = Retarget("gp", place + 3, bytes([elf.data[place + 3] ^ 4]), f"{place:#x}")
            crafted.write_bytes(change.apply(bytes(elf.data)))
            self.assertFalse(accepted(self.compare(vendor, crafted), change))
            self.assertNotIn(".reginfo", self.left(self.compare(vendor, rebuilt)))


if __name__ == "__main__":
    unittest.main(argv=["test_moved_machines"])
