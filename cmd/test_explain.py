#!/usr/bin/env python3
"""Explanations of real pairs: the root, its place and its cause; and that no verdict rests on them.

Usage: test_explain.py ELFTALLY SOURCE_ROOT
"""
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

import jsonschema

from explained import ELFTALLY, ROOT, SCHEMA, Explained

HELLO = [ROOT / "testdata/hello" / name for name in ("hello.vendor", "hello.rebuilt")]
PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
static int first(int n) { return n * 3 + 1; }
__attribute__((noinline)) static int second(int n) { EXTRA return n * 5 + LIMIT; }
__attribute__((noinline)) static int third(int n) { printf("third %d\n", n); return n ^ 17; }
__attribute__((noinline)) static int fourth(int n) { printf("fourth %d\n", n); return n ^ 18; }
int main(int argc, char **argv)
{
    printf("%s of %s, from %s\n", MESSAGE, __DATE__, __FILE__);
    return first(argc) + second(argc) + CALLED(atoi(argv[0])) + fourth(argc) + third(argc - 1);
}
"""


class Explanations(Explained):
    def build(self, name, *flags, place="one", date="1700000000", limit="9", message="greetings", called="third",
              extra="", cc="gcc"):
        folder = self.here / place
        folder.mkdir(exist_ok=True)
        (folder / "prog.c").write_text(PROGRAM)
        output = self.here / name
        subprocess.run([cc, *(flags or ["-O2", "-g"]), f"-DEXTRA={extra}", f"-DLIMIT={limit}", f'-DMESSAGE="{message}"',
                        f"-DCALLED={called}", "-gno-record-gcc-switches", "-o", output, folder / "prog.c"], check=True,
                       cwd=folder, env=dict(os.environ, SOURCE_DATE_EPOCH=date))
        return output

    def test_debian_hello_has_one_root_the_year(self):
        explanation = self.explain(*HELLO)
        self.assertEqual(self.causes(explanation), ["date-other"])
        self.assertIn("0x7e6", self.shown(explanation)["vendor"]["value"])
        text = subprocess.run([ELFTALLY, *HELLO], capture_output=True, text=True).stdout
        self.assertLess(len(text.splitlines()), 15)

    def test_a_date_is_a_date(self):
        explanation = self.explain(self.build("a"), self.build("b", date="1600000000"))
        self.assertEqual(self.causes(explanation), ["date-macro"])

    def test_a_build_path_is_one_root_whatever_it_moves(self):
        for place in ("two", "a-much-longer-place"):
            explanation = self.explain(self.build("a"), self.build("b", place=place))
            self.assertEqual(len(explanation["roots"]), 1)
            self.assertTrue(self.causes(explanation)[0].startswith("build-path-"), self.causes(explanation))
        text = subprocess.run([ELFTALLY, self.here / "a", self.here / "b"], capture_output=True, text=True).stdout
        self.assertLess(len(text.splitlines()), 18, text)

    def test_a_changed_line_is_unknown_and_has_its_place(self):
        explanation = self.explain(self.build("a"), self.build("b", limit="10"))
        self.assertEqual(self.causes(explanation), ["unknown"])
        self.assertEqual(self.shown(explanation)["vendor"]["symbol"], "second")
        self.assertEqual(self.shown(explanation)["vendor"]["line"], 5)

    def test_debug_information_names_a_stripped_function(self):
        whole = [self.build("a"), self.build("b", limit="10")]
        for path in whole:
            subprocess.run(["objcopy", "--strip-all", path, f"{path}.stripped"], check=True)
        told = subprocess.run([ELFTALLY, "-f", "json", "--rebuilt-debug", whole[1],
                               *(f"{path}.stripped" for path in whole)], capture_output=True, text=True,
                              check=False).stdout
        shown = self.shown(json.loads(told)["explanation"])
        self.assertEqual((shown["vendor"]["symbol"], shown["rebuilt"]["symbol"]), (None, "second"))
        self.assertEqual(shown["rebuilt"]["line"], 5)

    def strings_told(self, source, *flags):
        """Of a program that is built with SIDE 0 and 1."""
        files = []
        for side in (0, 1):
            (self.here / "told.c").write_text(source)
            files.append(self.here / f"told{side}")
            subprocess.run(["gcc", "-O1", *flags, f"-DSIDE={side}", "-s", "-o", files[-1], self.here / "told.c"],
                           check=True)
        differences = self.explain(*files)["differences"]
        return [[difference[side] and difference[side]["value"] for side in ("vendor", "rebuilt")]
                for difference in differences if difference["kind"] == "string"]

    def test_what_stands_before_a_string_is_no_part_of_it(self):
        source = r"""
            #include <stdio.h>
            __asm__(".section .rodata\n.long TABLE\nmessage: .asciz \"numeric constant\"\n"
                    ".long TABLE\nother: .asciz \"ends with OTHER\"\n"
                    ".zero 4\n.fill LENGTH, 4, 0xffff4344\nbehind: .asciz \"behind a table\"\n.text\n");
            extern const char message[], other[], behind[];
            int main(void) { puts(message); puts(behind); return puts(other); }
        """
        told = []
        for table, other, length in (("0xffff5210", "a", "1"), ("0x41200000", "b", "9")):
            told.append(source.replace("TABLE", table).replace("OTHER", other).replace("LENGTH", length))
        both = f"#if SIDE\n{told[1]}\n#else\n{told[0]}\n#endif\n"
        self.assertEqual(self.strings_told(both), [["ends with a", "ends with b"]])

    def test_how_often_a_text_is_kept_is_no_difference_of_the_text(self):
        source = r"""
            #include <stdio.h>
            static const char once[] = "one text of two";
            #if SIDE
            static const char twice[] = "one text of two";
            int more(void) { return puts(twice); }
            #endif
            int main(void) { return puts(once); }
        """
        self.assertEqual(self.strings_told(source, "-rdynamic"), [])

    def test_pointers_are_no_strings(self):
        source = r"""
            #include <stdio.h>
            __attribute__((noinline)) int first(int n) { return n * 3 + (SIDE ? puts("x"), puts("y"), n : 1); }
            __attribute__((noinline)) int second(int n) { return n * 5; }
            int (*const volatile table[])(int) = {first, second, first, second};
            int main(int argc, char **argv) { return table[argc](2); }
        """
        self.assertEqual(self.strings_told(source, "-pie", "-Wl,-Ttext-segment=0x216000"), [])

    def test_a_line_is_the_programs_where_a_header_of_the_system_is_inlined(self):
        flags = ["-O2", "-g", "-D_FORTIFY_SOURCE=2"]
        explanation = self.explain(*(self.build(name, *flags, limit=limit, extra='printf("%d", LIMIT);')
                                     for name, limit in (("a", "9"), ("b", "10"))))
        inlined = [difference["vendor"] for difference in explanation["differences"]
                   if difference["kind"] == "code" and difference["vendor"]["inlined"]]
        self.assertTrue(inlined)
        for place in inlined:
            self.assertRegex(f"{place['source']}:{place['line']}", r"^prog\.c:5$")
            self.assertRegex(place["inlined"], r"^printf \(/usr/include/.*:\d+\) inlined into second at prog\.c:5$")

    def test_a_changed_message_is_unknown(self):
        explanation = self.explain(self.build("a"), self.build("b", message="greetingz"))
        self.assertEqual(self.causes(explanation), ["unknown"])
        self.assertEqual(self.shown(explanation)["user"], "main")

    def test_what_each_side_has_alone_in_one_function_is_one_root(self):
        explanation = self.explain(*(self.build(name, extra=f'__asm__ volatile("{text}");') for name, text in (
            ("a", r"pause\n mfence\n lfence\n sfence"), ("b", r"mfence\n lfence\n cld\n sfence"))))
        alone = [difference for difference in explanation["differences"] if difference["kind"] == "code"]
        self.assertEqual([bool(difference["vendor"]) and bool(difference["rebuilt"]) for difference in alone],
                         [False, False])
        self.assertEqual(self.causes(explanation), ["unknown"])

    def test_another_function_called_is_unknown_even_where_all_moves(self):
        explanation = self.explain(self.build("a"), self.build("b", called="fourth", place="a-much-longer-place"))
        self.assertIn("unknown", self.causes(explanation))
        unknown = self.shown(explanation, self.causes(explanation).index("unknown"))
        self.assertEqual((unknown["kind"], unknown["vendor"]["symbol"]), ("code", "main"))

    def test_other_options_are_found_by_the_producer(self):
        flags = ["-grecord-gcc-switches", "-g"]
        (self.here / "one").mkdir(exist_ok=True)
        (self.here / "one/prog.c").write_text(PROGRAM)
        for name, level in (("a", "-O2"), ("b", "-O0")):
            subprocess.run(["gcc", level, *flags, "-DEXTRA=", "-DLIMIT=9", '-DMESSAGE="m"', "-DCALLED=third", "-o", self.here / name,
                            "prog.c"], check=True, cwd=self.here / "one", env=dict(os.environ, SOURCE_DATE_EPOCH="1"))
        self.assertEqual(self.causes(self.explain(self.here / "a", self.here / "b"))[0], "optimisation")

    def test_a_stripped_file_takes_the_names_of_the_other(self):
        vendor, rebuilt = self.build("a"), self.build("b", limit="10")
        subprocess.run(["strip", vendor], check=True)
        unknown = [self.shown(e := self.explain(vendor, rebuilt), self.causes(e).index("unknown"))]
        self.assertEqual(unknown[0]["vendor"]["symbol"], "second")
        self.assertTrue(unknown[0]["vendor"]["borrowed"])

    def test_objects_are_explained_by_their_relocations(self):
        explanation = self.explain(self.build("a.o", "-O2", "-c"), self.build("b.o", "-O2", "-c", called="fourth"))
        self.assertEqual(self.causes(explanation)[0], "unknown")
        self.assertEqual(self.shown(explanation)["kind"], "code")
        self.assertEqual([self.shown(explanation)[side]["value"] for side in ("vendor", "rebuilt")],
                         ["call third", "call fourth"])

    def compile_program(self, name, output, *flags):
        sources = sorted((ROOT / "testdata/programs" / name).glob("*.c"))
        subprocess.run(["gcc", "-O2", *flags, "-o", self.here / output, *sources], check=True)
        return self.here / output

    def test_the_size_of_a_string_follows_from_it(self):
        """fputs becomes fwrite, with the string's size as an immediate."""
        files = [self.compile_program("count", f"size-{place}", f'-DABOUT="/build/{place}/share/locale"')
                 for place in ("one", "a-longer-place")]
        explanation = self.explain(*files)
        self.assertEqual(self.causes(explanation), ["build-path-other"])
        self.assertEqual(self.shown(explanation)["kind"], "string")

    def test_operands_that_mean_the_same_are_no_root(self):
        """A longer string moves another, and a function whose bytes differ by that alone has not changed."""
        files = [self.compile_program("calc", f"operands-{index}", f'-DABOUT="{who}"', '-DLABEL="built by"')
                 for index, who in enumerate(("delta@grove", "juniper@alpha"))]
        self.assertEqual(self.causes(self.explain(*files)), ["user-host"])

    def test_a_size_that_is_no_string_s_stays_a_root(self):
        """The same two sources, with another change of a number in the same function."""
        files = [self.compile_program("count", f"year-{place}", f'-DABOUT="/build/{place}/share/locale"',
                                      f"-DYEAR={number}")
                 for place, number in (("one", 77), ("a-longer-place", 99))]
        self.assertEqual(sorted(self.causes(self.explain(*files))), ["build-path-other", "unknown"])

    SLICES = """#include <stdio.h>
        const struct { const char *text; unsigned long size, other; } slices[] = {
            {PLACE, sizeof(PLACE) - 1 + MORE, OTHER}, {"a constant", 10, 7}, {"another", 7, 8}};
        int main(int n, char **v) { return printf("%.*s %lu", (int)slices[n].size, slices[n].text, slices[n].other); }"""

    def test_the_length_behind_a_pointer_follows_from_the_string(self):
        short, long = {"PLACE": '"/build/a/lib"'}, {"PLACE": '"/build/another/lib"'}
        for flags in ([], ["-no-pie"]):
            same = {"MORE": 0, "OTHER": 5}
            told = self.pair_of(self.SLICES, {**short, **same}, {**long, **same}, *flags)
            self.assertEqual(self.causes(told), ["build-path-other"], flags)
            for other in ({"MORE": 1, "OTHER": 5}, {"MORE": 0, "OTHER": 6}):
                told = self.pair_of(self.SLICES, {**short, **same}, {**long, **other}, *flags)
                self.assertEqual(sorted(self.causes(told)), ["build-path-other", "unknown"], (flags, other))

    def test_a_letter_in_the_end_of_another_string_is_the_same(self):
        """The linker lays "r" into the end of the longer string, where there is one; "w" is another mode."""
        source = """#include <stdio.h>
            int main(int n, char **v) { FILE *file = fopen(v[1], MODE); puts(PLACE); return file == 0; }"""
        first = {"PLACE": '"/build/a/lib"', "MODE": '"r"'}
        second = {"PLACE": '"/build/a-place/user"', "MODE": '"r"'}
        last = {"PLACE": '"/build/a-place/lib"', "MODE": '"r"'}
        self.assertEqual(self.causes(self.pair_of(source, first, last)), ["build-path-other"])
        told = self.pair_of(source, first, {**second, "PLACE": '"/build/another/lib"', "MODE": '"w"'})
        self.assertEqual(sorted(self.causes(told)), ["build-path-other", "unknown"])

    def test_a_string_beside_it_says_what_it_is(self):
        source = """#include <stdio.h>
            const char *const table[] = {LABEL, WHO};
            int main(int n, char **v) { TEXT; return n; }"""
        for text in ('printf("%s %s", table[n], table[1])', "puts(LABEL), printf(WHO)"):
            for label, cause in (('"built_by"', "user-host"), ('"write_to"', "unknown")):
                values = {"TEXT": text, "LABEL": label}
                told = self.pair_of(source, {**values, "WHO": '"ann@grove"'}, {**values, "WHO": '"joe@cedar"'})
                self.assertEqual(self.causes(told), [cause], (text, label))

    def test_another_string_that_begins_alike_is_another(self):
        """Both sides have both strings, and everything has moved; only which one is printed has changed."""
        source = """#include <stdio.h>
            __attribute__((noipa)) int first(void) { return puts("/usr/share/first"); }
            __attribute__((noipa)) int other(void) { return puts("/usr/share/other"); }
            int main(int n, char **v) { return puts(PLACE) + first() + other() + puts(CHOSEN); }"""
        lengthened = '"/build/a-much-longer-place-that-moves-whatever-stands-behind-it-in-the-section/lib"'
        told = self.pair_of(source, {"PLACE": '"/build/a/lib"', "CHOSEN": '"/usr/share/first"'},
                            {"PLACE": lengthened, "CHOSEN": '"/usr/share/other"'})
        self.assertEqual(sorted(self.causes(told)), ["build-path-other", "unknown"])

    def two_links(self, sources, vendor, rebuilt, vendor_link=(), rebuilt_link=(), order=None):
        """Both sides of several sources, with flags of their own for the linker, and for the rebuilt side in an order."""
        files = []
        for name, values, link in (("two-v", vendor, vendor_link), ("two-r", rebuilt, rebuilt_link)):
            objects = []
            for i, source in enumerate(sources):
                (self.here / f"part{i}.c").write_text(source)
                objects.append(self.here / f"part{i}-{name}.o")
                subprocess.run(["gcc", "-O2", "-c", *(f"-D{key}={value}" for key, value in values.items()), "-o",
                                objects[-1], f"part{i}.c"], check=True, cwd=self.here)
            if order is not None and name == "two-r":
                objects = [objects[i] for i in order]
            subprocess.run(["gcc", *link, "-o", self.here / name, *objects], check=True)
            files.append(self.here / name)
        return self.explain(*files)

    def test_a_short_text_or_number_that_changed_where_all_moved(self):
        """Another table of symbols in front of it moves all constants; what has changed among them is no consequence."""
        source = """#include <stdio.h>
            #include <string.h>
            int main(int n, char **v) { return printf("%f", n * RATE) + strcmp(v[1], OPTION); }"""
        same = {"RATE": "0.95", "OPTION": '"-V"'}
        links = ["-Wl,--hash-style=both"], ["-Wl,--hash-style=gnu"]
        self.assertEqual(self.causes(self.two_links([source], same, same, *links)), ["hash-style"])
        for changed in ({"OPTION": '"-v"'}, {"RATE": "0.90"}):
            told = self.two_links([source], same, {**same, **changed}, *links)
            self.assertEqual(sorted(self.causes(told)), ["hash-style", "unknown"], changed)

    def test_tables_of_a_function_that_stands_elsewhere(self):
        switch = """#include <stdio.h>
            int NAME(int n) { switch (n) { case 1: return puts("a1"); case 2: return putchar(n); case 3: return puts("c");
                case 4: return getchar(); case 5: return puts("e") + n; case CASE: return puts("f"); default: return n; } }"""
        parts = [switch.replace("NAME", name) for name in ("first", "second", "third")]
        main = "int first(int), second(int), third(int); int main(int n, char **v) { return first(n) + second(n) + third(n); }"
        told = self.two_links([main, *parts], {"CASE": 6}, {"CASE": 6}, order=(0, 3, 1, 2))
        self.assertEqual(self.causes(told), ["link-order"])
        parts[1] = parts[1].replace("CASE", "SECOND")
        told = self.two_links([main, *parts], {"CASE": 6, "SECOND": 6}, {"CASE": 6, "SECOND": 7}, order=(0, 3, 1, 2))
        self.assertIn("unknown", self.causes(told))

    def test_a_number_behind_a_string_of_the_same_object(self):
        source = """#include <stdio.h>
            struct { char text[12]; unsigned number; char more[12]; } about = {DATE, NUMBER, MORE};
            int main(int n, char **v) { return printf("built %s %u %s", about.text, about.number, about.more); }"""
        first = {"DATE": '"2024-01-01"', "NUMBER": 7, "MORE": '"as it was"'}
        cases = [({}, ["date-other"]), ({"NUMBER": 9}, ["date-other", "unknown"]),
                 ({"MORE": '"as it is"'}, ["date-other", "unknown"])]
        for flags in ([], ["-s"]):
            for changed, causes in cases:
                told = self.pair_of(source, first, {**first, "DATE": '"2025-06-07"', **changed}, *flags)
                self.assertEqual(sorted(self.causes(told)), causes, (changed, flags))

    def test_a_number_that_looks_like_text_on_one_side(self):
        source = """#include <stdio.h>
            unsigned long known[3] = {1, NUMBER, 2};
            int main(int n, char **v) { return printf("%lu built %s", known[n], DATE); }"""
        told = self.pair_of(source, {"NUMBER": "0x554a2a455a00UL", "DATE": '"Apr  2 2022 07:50:42"'},
                            {"NUMBER": "0x5518a1bf6a00UL", "DATE": '"Dec  6 2022 12:02:51"'})
        self.assertEqual(sorted(self.causes(told)), ["date-macro", "leaked-address"])

    def test_a_changed_word_behind_a_pointer_that_moved_stays_in_sight(self):
        source = """#include <stdio.h>
            struct { const char *text; unsigned long number; } const table[] = {{PLACE, 1}, {"stands behind", NUMBER}};
            int main(int n, char **v) { return printf("%s %lu", table[n].text, table[n].number); }"""
        for flags in ([], ["-no-pie"], ["-s"]):
            told = self.pair_of(source, {"PLACE": '"/build/a/lib"', "NUMBER": 7}, {"PLACE": '"/build/bcd/lib"', "NUMBER": 9},
                                *flags)
            self.assertEqual(sorted(self.causes(told)), ["build-path-other", "unknown"], flags)

    def built(self, name, *flags, cc="gcc", program="count"):
        sources = sorted((ROOT / "testdata/programs" / program).glob("*.c"))
        subprocess.run([cc, "-O2", *flags, "-o", self.here / name, *sources], check=True)
        return self.here / name

    def test_toolchains_bring_their_defaults_with_them(self):
        plain = self.built("plain")
        cases = [("linker", ["-fuse-ld=lld"], "gcc"), ("linker", ["-fuse-ld=gold"], "gcc"), ("pie", ["-no-pie"], "gcc"),
                 ("compiler-version", [], "clang"), ("hardening-flags", ["-Wl,-z,norelro"], "gcc"),
                 ("hardening-flags", ["-fcf-protection=full"], "gcc"), ("hash-style", ["-Wl,--hash-style=sysv"], "gcc")]
        for cause, flags, cc in cases:
            told = self.explain(plain, self.built("other", *flags, cc=cc))
            self.assertEqual(self.causes(told)[0], cause, (flags, cc, self.causes(told)))

    def test_what_no_toolchain_brings_stays_a_root(self):
        """Another linker moves the code, and takes no check out of it."""
        vendor = self.built("plain", '-DABOUT="/build/a/lib"')
        other = self.built("other", '-DABOUT="/build/another/lib"', "-DYEAR=1999", "-fuse-ld=lld")
        told = self.causes(self.explain(vendor, other))
        self.assertIn("linker", told)
        self.assertIn("build-path-other", told)
        self.assertIn("unknown", told)

    def test_the_option_that_compresses_is_compression(self):
        told = self.explain(self.built("packed", "-g", "-gz"), self.built("plain", "-g", "-gz=none"))
        self.assertEqual(self.causes(told), ["debug-compression"])

    def test_number_of_jobs(self):
        values = [{"PLACE": f'"make -j{jobs}"', "MORE": 0, "OTHER": 5} for jobs in (4, 16)]
        self.assertEqual(self.causes(self.pair_of(self.SLICES, *values)), ["parallel-race"])

    def test_constants_for_registers_in_another_order(self):
        source = """__asm__(".globl one\\n.type one, @function\\none: test %edi, %edi\\nje 2f\\n" ORDER
                            "2: call two\\nret\\n.size one, .-one\\n.globl two\\n.type two, @function\\ntwo: "
                            "lea (%rsi,%rdx), %rax\\nret\\n.size two, .-two");
            int one(int); int main(int n, char **v) { return one(n); }"""
        first, second, third = "mov $1, %esi\\n", "mov $3072, %edx\\n", "mov $7, %r8d\\n"
        plain = first + second + third
        cases = [(second + first + third, "compiler-hash-order"), (third + second + first, "compiler-hash-order"),
                 (second + third + "mov $2, %esi\\n", "unknown"), (second + first + "mov $7, %r9d\\n", "unknown")]
        for order, cause in cases:
            told = self.pair_of(source, {"ORDER": f'"{plain}"'}, {"ORDER": f'"{order}"'})
            self.assertEqual(set(self.causes(told)), {cause}, order)
        for between in ("2: ", "mov $5, %dl\\n", "mov %esi, %edx\\n", "mov $4, %esi\\n", "mov %esi, (%rsp)\\n"):
            told = self.pair_of(source, {"ORDER": f'"{first}{between}{second}"'},
                                {"ORDER": f'"{second}{between}{first}"'})
            self.assertEqual(set(self.causes(told)), {"unknown"}, between)

    def listings(self, vendor, rebuilt):
        """The listings of --explain all: by the function's name, the lines. Nothing else changes by them."""
        told = subprocess.run([ELFTALLY, "-f", "json", "--explain", "all", vendor, rebuilt], capture_output=True,
                              text=True, timeout=120)
        report = json.loads(told.stdout)
        jsonschema.validate(report, SCHEMA)
        explanation, without = report["explanation"], self.explain(vendor, rebuilt)
        listings = explanation["listings"]
        self.assertIsNone(without.pop("listings"))
        for difference in explanation["differences"]:
            if difference["listing"] is not None:
                self.assertLess(difference["listing"], len(listings["functions"]))
                self.assertEqual(difference["kind"], "code")
        for difference in [*explanation["differences"], *without["differences"]]:
            difference.pop("listing")
        explanation.pop("listings")
        self.assertEqual(explanation, without)
        self.left_out = listings["left_out"]
        return {(f["vendor"] or f["rebuilt"])["symbol"]: f for f in listings["functions"]}

    def differing(self, listing):
        return [(line["kind"], *(side and side["text"] for side in (line["vendor"], line["rebuilt"])))
                for line in listing["lines"] if line["kind"] not in ("gap", "equal", "moved")]

    def text_of(self, vendor, rebuilt, *options):
        return subprocess.run([ELFTALLY, "--explain", "all", *options, vendor, rebuilt], capture_output=True, text=True,
                              timeout=120).stdout

    def test_a_changed_number_is_listed_with_its_line(self):
        listings = self.listings(self.build("a"), self.build("b", limit="10"))
        self.assertEqual(list(listings), ["second"])
        (kind, vendor, rebuilt), = self.differing(listings["second"])
        self.assertEqual((kind, vendor.replace("+ 9]", "+ 0xa]")), ("changed", rebuilt))
        line = next(line for line in listings["second"]["lines"] if line["kind"] == "changed")
        self.assertEqual((line["vendor"]["line"], line["rebuilt"]["line"]), (5, 5))
        text = self.text_of(self.here / "a", self.here / "b")
        self.assertRegex(text, r"\n    [0-9a-f]+  lea .*9\] +\| [0-9a-f]+  lea .*0xa\]\n")
        self.assertRegex(text, r"\n    @@ \+0(x[0-9a-f]+)?, \S*prog.c:5 +@@ \+0(x[0-9a-f]+)?, \S*prog.c:5\n")

    def test_another_function_called_is_listed_by_name(self):
        for cc in filter(shutil.which, ("gcc", "aarch64-linux-gnu-gcc", "mips-linux-gnu-gcc")):
            with self.subTest(cc=cc):
                listings = self.listings(self.build("a", cc=cc), self.build("b", called="fourth", cc=cc))
                kind, vendor, rebuilt = next(line for line in self.differing(listings["main"]) if "third" in line[1])
                self.assertEqual(kind, "changed")
                self.assertRegex(vendor, r"[ ,]third$")
                self.assertEqual(re.sub(r"\bthird$", "fourth", vendor), rebuilt)
                self.assertRegex(self.text_of(self.here / "a", self.here / "b"),
                                 r"\n    [0-9a-f]+  \w+ .*third +\| [0-9a-f]+  \w+ .*fourth\n")

    def test_an_inserted_statement_is_rebuilt_only(self):
        listings = self.listings(self.build("a"), self.build("b", extra='puts("more");'))
        self.assertEqual(set(kind for kind, _, _ in self.differing(listings["second"])) - {"changed"}, {"only-rebuilt"})
        self.assertTrue(any(rebuilt and rebuilt.endswith("call puts@plt")
                            for _, _, rebuilt in self.differing(listings["second"])))
        self.assertTrue(any('"more"' in (rebuilt or "") for _, _, rebuilt in self.differing(listings["second"])))
        # The call of it has moved: that is no difference.
        self.assertIn(("moved", "call second"), [(line["kind"], line["vendor"] and line["vendor"]["text"])
                                                 for line in listings["main"]["lines"]])
        self.assertRegex(self.text_of(self.here / "a", self.here / "b"), r"\n {10,}> [0-9a-f]+  call puts@plt\n")

    def test_objects_and_stripped_files_have_listings(self):
        listings = self.listings(self.build("a.o", "-O2", "-c"), self.build("b.o", "-O2", "-c", called="fourth"))
        self.assertEqual(self.differing(listings["main"]), [("changed", "call third", "call fourth")])
        vendor, rebuilt = self.build("a"), self.build("b", limit="10")
        subprocess.run(["strip", vendor], check=True)
        subprocess.run(["strip", rebuilt], check=True)
        listings = self.listings(vendor, rebuilt)
        self.assertIn(None, listings)
        self.assertIn("a function without a name", self.text_of(vendor, rebuilt))

    def test_columns_keep_to_the_width_and_colour_to_what_differs(self):
        vendor, rebuilt = self.build("a"), self.build("b", called="fourth", extra='puts("a rather long string, so it is");')
        for width in (47, 80, 200):
            lines = self.text_of(vendor, rebuilt, "--width", str(width)).splitlines()
            listed = [line for line in lines if line.startswith("    ") and " inlined into " not in line]
            self.assertGreater(len(listed), 5)
            self.assertLessEqual(max(map(len, listed)), width)
        plain, painted = self.text_of(vendor, rebuilt), self.text_of(vendor, rebuilt, "--color", "always")
        self.assertEqual(re.sub(r"\x1b\[\d*m", "", painted), plain)
        self.assertRegex(painted, r"\n    \x1b\[31m *[0-9a-f]+  call third\x1b\[0m +\| \x1b\[32m")

    def test_what_is_too_much_to_list_is_counted(self):
        for name, number in (("a", 1), ("b", 2)):
            source = self.here / "many.c"
            lines = [f"int f{i}(int n) {{ return n * 7 + {number}{i:03}; }}" for i in range(50)]
            lines += ["volatile int v;", "int main(void) {", *(f"v = {number}{i:03};" for i in range(200)), "return 0; }"]
            source.write_text("\n".join(lines))
            subprocess.run(["gcc", "-O1", "-o", self.here / name, source], check=True)
        listings = self.listings(self.here / "a", self.here / "b")
        self.assertEqual((len(listings), self.left_out), (40, 11))
        text = self.text_of(self.here / "a", self.here / "b")
        self.assertIn("\ncode: 11 more functions that differ: too many to show\n", text)
        if "main" in listings:
            self.assertEqual(len(listings["main"]["lines"]), 120)
            self.assertEqual(len(self.differing(listings["main"])) + listings["main"]["left_out"], 200)
            self.assertRegex(text, r"\n    \d+ more lines that differ: too many to show\n")

    def test_names_are_escaped_in_listings(self):
        for name, value in (("a", 1), ("b", 2)):
            assembly = ("\t.globl main\nmain:\n\tcall \"evil\x1b[31m\"\n\tmov $%d, %%eax\n\tret\n"
                        "\t.type main, @function\n\t.size main, . - main\n" % value)
            (self.here / "evil.s").write_text(assembly)
            subprocess.run(["gcc", "-c", "-o", self.here / name, self.here / "evil.s"], check=True)
        text = self.text_of(self.here / "a", self.here / "b")
        self.assertNotIn("\x1b", text)
        self.assertIn("call evil\\x1b[31m", text)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
