#!/usr/bin/env python3
"""Debug information by what it says: one reason for what one change does, and no tampering that says the same."""
import json
import random
import re
import subprocess
import unittest

import jsonschema

from explained import ELFTALLY, SCHEMA, Explained

SOURCES = {
    "shapes.h": """
enum colour { RED, GREEN = 7, BLUE };
struct shape { int sides; const char *name; union { long area; double ratio; } of; struct shape *next; };
typedef int (*measure)(struct shape *);
int measured(struct shape *s);
int largest(struct shape *s, measure f);
""",
    "main.c": """
#include <stdio.h>
#include <string.h>
#include "shapes.h"
static int table[8] = {1, 2, 3};
static const int limit = 40;
static inline int twice(int x) { int y = x * 2; return y + (int)strlen(LABEL); }
int helper(struct shape *s) { for (int i = 0; i < 8; i++) s->sides += table[i]; return s->sides; }
int main(int argc, char **argv)
{
    struct shape one = {argc, argv[0], {0}, NULL};
    enum colour c = argc > 2 ? RED : GREEN;
    printf("%s %d %d\\n", LABEL, largest(&one, helper), twice(argc) + (int)c + limit);
    return 0;
}
""",
    "work.c": """
#include <stdlib.h>
#include "shapes.h"
static int counted;
int measured(struct shape *s)
{
    counted++;
    return s->sides * 3 + abs(counted - 7);
}
int largest(struct shape *s, measure f)
{
    int most = 0;
    for (; s != NULL; s = s->next) {
        int size = f(s) + measured(s);
        if (size > most)
            most = size;
    }
    return most;
}
""",
}


class DebugInformation(Explained):
    def build(self, name, directory="build", compiler="gcc", flags=("-O2",), label='"label"', edits=(),
              order=("main.c", "work.c"), link=True):
        """The program, built in a directory of this name; edits are (source, from, to)."""
        place = self.here / directory
        place.mkdir(exist_ok=True)
        for source, text in SOURCES.items():
            for edited, before, after in edits:
                if edited == source:
                    self.assertIn(before, text)
                    text = text.replace(before, after)
            (place / source).write_text(text)
        target = self.here / name
        command = [compiler, "-g", *flags, f"-DLABEL={label}"]
        if link:
            subprocess.run([*command, *(place / source for source in order), "-o", target], check=True, cwd=place)
        else:
            subprocess.run([*command, "-c", place / order[0], "-o", target], check=True, cwd=place)
        return target

    def compare(self, vendor, rebuilt, policy="semantic", *options):
        ran = subprocess.run([ELFTALLY, "-f", "json", "-p", policy, *options, vendor, rebuilt], capture_output=True,
                             text=True, timeout=120)
        self.assertIn(ran.returncode, (0, 1), ran.stderr)
        report = json.loads(ran.stdout)
        jsonschema.validate(report, SCHEMA)
        return report["debug_information"]

    def told(self, debug):
        return [(root["kind"], root["what"], root["entry"]) for root in debug["roots"]]

    BUILDS = (("gcc", ("-O2",)), ("gcc", ("-O0", "-gdwarf-4")), ("gcc", ("-O2", "-gdwarf-4", "-fdebug-types-section")),
              ("gcc", ("-O1", "-gdwarf-3", "-gstrict-dwarf")), ("gcc", ("-O2", "-gz")), ("gcc", ("-O2", "-flto")),
              ("clang", ("-O2",)), ("clang", ("-O1", "-gdwarf-4")))

    # ---- What says the same ----

    def test_a_longer_build_path_is_one_root(self):
        for compiler, flags in self.BUILDS:
            with self.subTest(compiler=compiler, flags=flags):
                a = self.build("path-v", compiler=compiler, flags=flags)
                b = self.build("path-r", directory="a-longer-build-path", compiler=compiler, flags=flags)
                for policy in ("standard", "semantic"):
                    debug = self.compare(a, b, policy)
                    self.assertEqual("different", debug["verdict"])
                    self.assertIsNone(debug["incomplete"])
                    self.assertEqual([("path", "path", None)], self.told(debug))
                    self.assertEqual((str(self.here / "build"), str(self.here / "a-longer-build-path")),
                                     (debug["roots"][0]["vendor"], debug["roots"][0]["rebuilt"]))

    def test_what_only_moved_says_the_same(self):
        for compiler, flags in self.BUILDS:
            with self.subTest(compiler=compiler, flags=flags):
                if "-O2" in flags and "-flto" in flags:
                    continue  # the length of the text is a number in its code
                a = self.build("string-v", compiler=compiler, flags=(*flags, "-fno-builtin-strlen"))
                b = self.build("string-r", compiler=compiler, flags=(*flags, "-fno-builtin-strlen"),
                               label='"another label, which is longer by far than the first one"')
                self.assertNotEqual(a.read_bytes(), b.read_bytes())
                for policy in ("standard", "semantic"):
                    debug = self.compare(a, b, policy)
                    self.assertEqual([], debug["roots"])
                    self.assertEqual(("same", None), (debug["verdict"], debug["incomplete"]))
                    self.assertGreater(debug["vendor"]["entries"], 60)

    def test_another_order_of_objects_says_the_same(self):
        for compiler in ("gcc", "clang"):
            a = self.build("order-v", compiler=compiler)
            b = self.build("order-r", compiler=compiler, order=("work.c", "main.c"))
            debug = self.compare(a, b)
            self.assertEqual(([], "same"), (debug["roots"], debug["verdict"]))

    def test_debug_information_that_is_written_in_another_version_says_nothing_else(self):
        """The same program: what differs is what the versions can say."""
        a = self.build("version-v", flags=("-O0", "-gdwarf-5"))
        b = self.build("version-r", flags=("-O0", "-gdwarf-4"))
        kinds = {root["kind"] for root in self.compare(a, b)["roots"]}
        self.assertLessEqual(kinds, {"value", "path"})

    # ---- What truly differs ----

    def test_an_inserted_line_is_told_with_its_function(self):
        edit = ("work.c", "    int most = 0;\n", "    int most = 0;\n    counted += f != NULL;\n")
        for compiler, flags in (("gcc", ("-O2",)), ("gcc", ("-O0", "-gdwarf-4")), ("clang", ("-O2",))):
            with self.subTest(compiler=compiler, flags=flags):
                a = self.build("insert-v", compiler=compiler, flags=flags)
                b = self.build("insert-r", compiler=compiler, flags=flags, edits=[edit])
                debug = self.compare(a, b)
                self.assertEqual(1, debug["differing_units"])
                self.assertEqual([str(self.here / "build/work.c")], [unit["name"] for unit in debug["differing"]])
                told = self.told(debug)
                self.assertIn(("code", "code", "largest"), told)
                self.assertEqual({"largest"}, {entry for kind, _, entry in told if kind == "code"})
                lines = [root for root in debug["roots"] if root["kind"] == "lines"]
                self.assertEqual([("work.c", 1)], [(root["entry"], root["shift"]) for root in lines])
                self.assertLessEqual({kind for kind, _, _ in told}, {"code", "lines", "rows", "value"})
                self.assertLessEqual({what for kind, what, _ in told if kind == "value"}, {"DW_LNCT_MD5"})

    def test_what_is_declared_otherwise_is_told(self):
        cases = [
            ("a type", ("work.c", "static int counted;", "static long counted;"),
             {("value", "DW_AT_type", "counted")}),
            ("a member", ("shapes.h", "int sides;", "int sides; long corners;"),
             {("entry", "DW_TAG_member", "shape > corners"), ("value", "DW_AT_byte_size", "shape")}),
            ("an enumerator", ("shapes.h", "GREEN = 7", "GREEN = 9"),
             {("value", "DW_AT_const_value", "colour > GREEN")}),
            ("a function's name", ("main.c", "helper", "helped"),
             {("entry", "DW_TAG_subprogram", "helper"), ("entry", "DW_TAG_subprogram", "helped")}),
            ("a variable", ("work.c", "int size = f(s)", "int width = f(s)"),
             {("entry", "DW_TAG_variable", "largest > size"), ("entry", "DW_TAG_variable", "largest > width")}),
        ]
        for name, edit, expected in cases:
            with self.subTest(name):
                edits = [edit]
                if name == "a variable":
                    edits += [("work.c", "size > most", "width > most"), ("work.c", "most = size", "most = width")]
                a = self.build("truly-v", flags=("-O0",))
                b = self.build("truly-r", flags=("-O0",), edits=edits)
                self.assertLessEqual(expected, set(self.told(self.compare(a, b))))

    def test_a_unit_of_one_side_is_told(self):
        (self.here / "more.c").write_text("int more = 3;\n")
        a = self.build("unit-v")
        b = self.here / "unit-r"
        subprocess.run(["gcc", "-g", "-O2", '-DLABEL="label"', self.here / "build/main.c", self.here / "build/work.c",
                        self.here / "more.c", "-o", b], check=True, cwd=self.here / "build")
        debug = self.compare(a, b)
        units = [root for root in debug["roots"] if root["kind"] == "unit"]
        self.assertEqual([(None, str(self.here / "more.c"))], [(root["vendor"], root["rebuilt"]) for root in units])
        self.assertEqual({"unit"}, {root["kind"] for root in debug["roots"]})

    # ---- Where it is ----

    def test_objects(self):
        a = self.build("object-v", link=False)
        b = self.build("object-r", directory="elsewhere", link=False)
        self.assertEqual([("path", "path", None)], self.told(self.compare(a, b, "standard")))
        c = self.build("object-c", link=False, label='"a text of another length"', flags=("-O2", "-fno-builtin-strlen"))
        d = self.build("object-d", link=False, label='"text"', flags=("-O2", "-fno-builtin-strlen"))
        self.assertEqual("different", self.compare(c, self.build("object-e", link=False), "standard")["verdict"])
        self.assertLessEqual(self.compare(c, d, "standard")["differing_entries"], 4)

    def test_separate_debug_files(self):
        files = []
        for name, directory in (("split-v", "build"), ("split-r", "elsewhere")):
            program = self.build(name, directory=directory)
            kept = self.here / f"{name}.debug"
            subprocess.run(["objcopy", "--only-keep-debug", program, kept], check=True)
            subprocess.run(["strip", program], check=True)
            files.append((program, kept))
        (a, debug_a), (b, debug_b) = files
        self.assertEqual([("path", "path", None)], self.told(self.compare(debug_a, debug_b, "standard")))
        debug = self.compare(a, b, "semantic", "--vendor-debug", debug_a, "--rebuilt-debug", debug_b)
        self.assertEqual([("path", "path", None)], self.told(debug))
        debug = self.compare(a, self.build("split-one"), "semantic", "--vendor-debug", debug_a)
        self.assertEqual("same", debug["verdict"])
        self.assertIsNone(self.compare(a, b))
        one_sided = self.compare(a, self.build("split-two", directory="elsewhere"))
        self.assertEqual(("not-compared", "the vendor's file has none"), (one_sided["verdict"], one_sided["incomplete"]))

    def test_what_is_not_read_is_said(self):
        for flags, why in ((("-O2", "-g3"), "macros are not compared"),
                           (("-O2", "-gsplit-dwarf"), "units are split, and their .dwo files are not opened")):
            a = self.build("unread-v", flags=(*flags, "-fno-builtin-strlen"), label='"one"')
            b = self.build("unread-r", flags=(*flags, "-fno-builtin-strlen"), label='"another"')
            debug = self.compare(a, b)
            self.assertIn(debug["verdict"], ("undecided", "different"))
            self.assertEqual(why, debug["incomplete"])

    # ---- Tampering ----

    def sections(self, path):
        shown = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True, check=True).stdout
        found = re.findall(r"^\s*\[\s*\d+\]\s+(\.debug_\w+)\s+\S+\s+[0-9a-f]+\s+([0-9a-f]+)\s+([0-9a-f]+)", shown, re.M)
        return {name: (int(offset, 16), int(size, 16)) for name, offset, size in found}

    def headers(self, name, content):
        """Where headers are: what only indexes into the section need; the rule for such sections looks at them."""
        size = {".debug_loclists": 12, ".debug_rnglists": 12, ".debug_str_offsets": 8, ".debug_addr": 8}.get(name, 0)
        found, at = set(), 0
        while size and at + size <= len(content):
            found |= set(range(at, at + size))
            at += 4 + int.from_bytes(content[at:at + 4], "little")
        return found

    def dumped(self, path):
        """What another reader makes of it."""
        command = f"readelf -W --debug-dump=info,loc,Ranges,decodedline,aranges {path} 2>&1 | head -c 2000000"
        shown = subprocess.run(["sh", "-c", command], capture_output=True, errors="replace", timeout=60).stdout
        # Two forms can hold one value.
        return [re.sub(r": \((?:\w+|indexed string[^)]*)\)", ":", line) for line in shown.split("\n") if "File:" not in line]

    def test_no_bit_that_says_something_else_is_taken_for_the_same(self):
        generator = random.Random(7)
        for compiler, flags in (("gcc", ("-O2",)), ("gcc", ("-O2", "-gdwarf-4")), ("clang", ("-O2",))):
            program = self.build("bits", compiler=compiler, flags=flags)
            plain = program.read_bytes()
            sections, before = self.sections(program), self.dumped(program)
            crafted = self.here / "crafted"
            for name, (offset, size) in sections.items():
                headers = self.headers(name, plain[offset:offset + size])
                for _ in range(8):
                    at, bit = generator.randrange(size), generator.randrange(8)
                    if at in headers:
                        continue
                    changed = bytearray(plain)
                    changed[offset + at] ^= 1 << bit
                    crafted.write_bytes(changed)
                    if self.compare(program, crafted, "standard")["verdict"] == "same":
                        with self.subTest(compiler=compiler, flags=flags, section=name, at=at, bit=bit):
                            self.assertTrue(before == self.dumped(crafted))

    def test_references_that_are_exchanged_are_told(self):
        """Two types in each other's place, and each of two functions with the other's address."""
        a = self.build("exchanged-v", flags=("-O0",))
        plain = a.read_bytes()
        offset, size = self.sections(a)[".debug_info"]
        shown = subprocess.run(["readelf", "-W", "--debug-dump=info", a], capture_output=True, text=True).stdout
        types = re.findall(r"<([0-9a-f]+)>\s+DW_AT_type\s+: (?:\(\w+\) )?<0x([0-9a-f]+)>", shown)
        first, second = types[0], next(pair for pair in types if pair[1] != types[0][1])
        lows = re.findall(r"<([0-9a-f]+)>\s+DW_AT_low_pc\s+: (?:\(\w+\) )?0x([0-9a-f]+)", shown)[-2:]
        crafted = self.here / "crafted"
        for (one, _), (other, _), width in ((first, second, 4), (lows[0], lows[1], 8)):
            changed = bytearray(plain)
            x, y = offset + int(one, 16), offset + int(other, 16)
            changed[x:x + width], changed[y:y + width] = plain[y:y + width], plain[x:x + width]
            self.assertNotEqual(bytes(changed), plain)
            crafted.write_bytes(changed)
            debug = self.compare(a, crafted, "standard")
            self.assertEqual("different", debug["verdict"])
            self.assertTrue({"DW_AT_type", "DW_AT_low_pc"} & {root["what"] for root in debug["roots"]})

    def test_constants_that_hold_the_same_are_not_each_other(self):
        """Two names of one number, each with the other's address."""
        a = self.here / "constants"
        source = self.here / "constants.c"
        source.write_text("const int one = 40, two = 40; int main(void) { return one + two; }\n")
        subprocess.run(["gcc", "-g", source, "-o", a], check=True)
        shown = subprocess.run(["nm", a], capture_output=True, text=True, check=True).stdout
        places = {name: int(address, 16) for address, _, name in re.findall(r"^([0-9a-f]+) (\w) (one|two)$", shown, re.M)}
        plain = a.read_bytes()
        offset, size = self.sections(a)[".debug_info"]
        info, one, two = plain[offset:offset + size], *(b"\x09\x03" + places[name].to_bytes(8, "little")
                                                         for name in ("one", "two"))
        self.assertEqual((1, 1), (info.count(one), info.count(two)))
        info = info.replace(one, b"\xff" * 10).replace(two, one).replace(b"\xff" * 10, two)
        crafted = self.here / "crafted"
        crafted.write_bytes(plain[:offset] + info + plain[offset + size:])
        self.assertEqual("different", self.compare(a, crafted, "standard")["verdict"])

    def test_another_type_of_a_type_unit_is_told(self):
        """Its header says which entry the type is: nothing else in the unit does."""
        a = self.build("type-unit-v", flags=("-O0", "-gdwarf-5", "-fdebug-types-section"))
        plain = bytearray(a.read_bytes())
        offset, size = self.sections(a)[".debug_info"]
        at, found = offset, 0
        while at < offset + size:
            if plain[at + 6] == 2:  # DW_UT_type: type_offset stands behind the signature
                plain[at + 20:at + 24] = (24).to_bytes(4, "little")
                found += 1
            at += 4 + int.from_bytes(plain[at:at + 4], "little")
        self.assertGreater(found, 0)
        crafted = self.here / "crafted"
        crafted.write_bytes(plain)
        debug = self.compare(a, crafted, "standard")
        self.assertEqual("different", debug["verdict"])
        self.assertEqual({("value", "type of a type unit")}, {(root["kind"], root["what"]) for root in debug["roots"]})

    # ---- Written by hand: what no compiler writes ----

    WRITTEN = """
    .globl _start
    .text
_start: .skip 1024, 0x90
    .section .comment
    .asciz "NAME"
    .section .debug_abbrev
    .uleb128 1, 0x11; .byte 1; .uleb128 0x03, 0x08, 0x10, 0x17, 0x11, 0x01, 0x12, 0x07, 0, 0
    .uleb128 2, 0x34; .byte 0; .uleb128 0x03, 0x08, 0x02, 0x18, 0, 0
    ABBREVIATIONS
    .uleb128 4, 0x24; .byte 0; .uleb128 0x03, 0x08, 0x3e, 0x0b, 0, 0
    .uleb128 0
    .section .debug_info
    .long 2f - 1f
1:  .short 4; .long 0; .byte 8
    .uleb128 1; .asciz "written.c"; .long 0; .quad _start; .quad 1024
    .uleb128 2; .asciz "variable"; .uleb128 4f - 3f
3:  .byte EXPRESSION
4:  .uleb128 3; .asciz "int"; .byte 5
    .uleb128 0
2:
    .section .debug_line
    .long 2f - 1f
1:  .short 3; .long 4f - 3f
3:  .byte 1, 1, -5, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0
    .asciz "written.c"; .uleb128 0, 0, 0; .byte 0
4:  .byte 0, 9, 2; .quad _start; .byte 1
    .byte 12; .uleb128 ISA; .byte 9; .short ADVANCE; .byte 1
    .byte 12; .uleb128 0; .byte 9; .short 1024 - ADVANCE; .byte 0, 1, 1
2:
"""

    def written(self, name, expression="0x91, 0", isa=0, advance=16, abbreviations=(0x24,)):
        texts = [f".uleb128 3, {tag:#x}; .byte 0; .uleb128 0x03, 0x08, 0x3e, 0x0b, 0, 0" for tag in abbreviations]
        source = self.here / f"{name}.s"
        source.write_text(self.WRITTEN.replace("NAME", name).replace("EXPRESSION", expression).replace("ISA", str(isa))
                          .replace("ADVANCE", str(advance)).replace("ABBREVIATIONS", "; ".join(texts)))
        subprocess.run(["gcc", "-nostdlib", "-static", source, "-o", self.here / name], check=True)
        return self.here / name

    def test_what_is_written_by_hand_says_the_same_as_itself(self):
        debug = self.compare(self.written("self-v"), self.written("self-r"), "standard")
        self.assertEqual(("same", None), (debug["verdict"], debug["incomplete"]))

    def test_a_row_whose_hash_is_another_rows_is_told(self):
        """An instruction set may be any number: one that makes up for another address."""
        begin = next(int(line.split()[0], 16) for line in subprocess.run(
            ["nm", self.written("rows-r")], capture_output=True, text=True, check=True).stdout.splitlines()
            if line.endswith(" _start"))
        factor = 0x9e3779b97f4a7c15
        isa = (((begin + 16) * factor ^ (begin + 272) * factor) & (1 << 64) - 1) >> 8
        debug = self.compare(self.written("rows-v", isa=isa, advance=272), self.here / "rows-r", "standard")
        self.assertEqual("different", debug["verdict"])

    def test_a_jump_over_what_is_longer_is_told(self):
        """DW_OP_bra of two bytes over DW_OP_constu, whose number can be written with more."""
        a = self.written("jump-v", expression="0x31, 0x28, 2, 0, 0x10, 0x85, 0, 0x9f")
        b = self.written("jump-r", expression="0x31, 0x28, 2, 0, 0x10, 5, 0x9f")
        self.assertEqual("different", self.compare(a, b, "standard")["verdict"])

    def test_two_abbreviations_of_one_code_are_not_read(self):
        b = self.written("codes-r")
        for tags in ((0x24, 0x35), (0x35, 0x24), (0x35, 0x24, 0x24), (0x24, 0x24, 0x35)):
            debug = self.compare(self.written("codes-v", abbreviations=tags), b, "standard")
            self.assertNotEqual("same", debug["verdict"], tags)

    MANY = """
    .text
    .globl _start
_start: .skip 64, 0x90
    .section .comment
    .asciz "NAME"
    .section .debug_abbrev
    .uleb128 1, 0x11; .byte 1; .uleb128 0x03, 0x08, 0x11, 0x01, 0x12, 0x07, 0, 0
    .uleb128 2, 0x34; .byte 0; .uleb128 0x02, 0x17, 0, 0
    .uleb128 3, 0x11; .byte 0; .uleb128 0x03, 0x08, 0x10, 0x17, 0, 0
    .uleb128 0
    .section .debug_info
    .long 2f - 1f
1:  .short 4; .long 0; .byte 8
    .uleb128 1; .asciz "many.c"; .quad _start; .quad 64
    .rept LISTS; .uleb128 2; .long 0; .endr
    .byte 0
2:  .rept UNITS; .long 16; .short 4; .long 0; .byte 8; .uleb128 3; .asciz "u.c"; .long 0; .endr
    .section .debug_loc
    .rept LISTS; .quad -1, 0; .endr; .quad 0, 0
    .section .debug_line
    .long 2f - 1f
1:  .short 3; .long 4f - 3f
3:  .byte 1, 1, -5, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0
    .rept UNITS * 7; .asciz "abcdefgh"; .uleb128 0, 0, 0; .endr; .byte 0
4:  .byte 0, 1, 1
2:
"""

    def test_what_many_share_is_not_read_without_end(self):
        """A list of bases alone that each entry has, and a table of files that each unit has."""
        for lists, units in ((60000, 1), (1, 15000)):
            for name in ("many-v", "many-r"):
                source = self.here / f"{name}.s"
                source.write_text(self.MANY.replace("NAME", name).replace("LISTS", str(lists))
                                  .replace("UNITS", str(units)))
                subprocess.run(["gcc", "-nostdlib", "-static", source, "-o", self.here / name], check=True)
            with self.subTest(lists=lists, units=units):
                debug = self.compare(self.here / "many-v", self.here / "many-r", "standard")
                self.assertEqual("undecided", debug["verdict"])


if __name__ == "__main__":
    unittest.main(argv=["test_debug_info.py"])
