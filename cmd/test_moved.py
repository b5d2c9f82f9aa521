#!/usr/bin/env python3
"""Policy semantic: what only moved is proven, and what did not is found, however much moves beside it."""
import json
import pathlib
import random
import re
import shutil
import struct
import subprocess
import tempfile
import unittest

import jsonschema

from explained import ELFTALLY, SCHEMA
from retargets import Program, Retarget, accepted

COMMON = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
extern int counters[4];
int first(int), second(int), choose(int, const char *);
const char *name_of(unsigned);
int twin_a(int), twin_b(int);
extern int (*const handlers[4])(int);
"""
SOURCES = {
    "main.c": """
int main(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        printf("%s: %d %d\\n", LABEL, first(i), second(counters[i & 3]));
        counters[i & 3] += choose(i, argv[i]) + handlers[i & 3](i) + (int)strlen(name_of((unsigned)i));
    }
    return counters[0] * 3 + twin_a(argc) - twin_b(argc);
}
""",
    "work.c": """
int counters[4] = {1, 2, 3, 4};
int first(int x) { return x * 3 + abs(x - 7) + counters[1]; }
int second(int x) { EXTRA return x * 5 - abs(x + 9) + counters[2]; }
const char *name_of(unsigned i)
{
    static const char *const names[] = {"alpha", "beta", "gamma", "delta"};
    return i < 4 ? names[i] : "none of them";
}
""",
    "choose.c": """
int choose(int n, const char *text)
{
    switch (n) {
    case 0: return counters[3];
    case 1: puts("one and only"); return 12;
    case 2: return (int)strlen(text);
    case 3: return atoi(text);
    case 4: puts("the fourth"); return rand();
    case 5: return text[0] * 7;
    case 6: return getenv("HOME") != NULL;
    default: return -1;
    }
}
""",
    "twins.c": """
int twin_a(int x) { counters[0] += x; return first(x); }
int twin_b(int x) { counters[0] += x; return second(x); }
int (*const handlers[4])(int) = {first, second, twin_a, twin_b};
""",
}


def swapped(text, a, b):
    return text.replace(a, "\0").replace(b, a).replace("\0", b)


def exchanged(text, first, second):
    """Assembly, with two objects in each other's place."""
    return swapped(text, *(re.search(r"\t\.globl\t%s\n(?:.*\n)*?%s:\n(?:\t\.(?:long|quad|zero).*\n)+" % (name, name),
                                     text)[0] for name in (first, second)))


def functions_exchanged(text, first, second):
    return swapped(text, *(re.search(r"\t\.globl\t%s\n(?:.*\n)*?\t\.size\t%s, .*\n" % (name, name), text)[0]
                           for name in (first, second)))


class Moved(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.here = pathlib.Path(cls.directory.name)

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def build(self, name, label='"a label"', extra="", order=("main.c", "work.c", "choose.c", "twins.c"),
              compiler="gcc", flags=("-O2",), edit=lambda source, text: text, strip=False):
        """The program; edit changes a source's text."""
        objects = []
        for source in order:
            path = self.here / f"{name}.d" / source
            path.parent.mkdir(exist_ok=True)
            path.write_text(COMMON + edit(source, SOURCES[source]))
            objects.append(path.with_suffix(".o"))
            subprocess.run([compiler, *flags, "-fno-ident", f"-DLABEL={label}", f"-DEXTRA={extra}", "-c", path, "-o",
                            objects[-1]], check=True)
        target = self.here / name
        subprocess.run([compiler, *(flag for flag in flags if flag != "-c"), *objects, "-o", target], check=True)
        if strip:
            subprocess.run(["strip", target], check=True)
        return target

    def compare(self, vendor, rebuilt, policy="semantic"):
        ran = subprocess.run([ELFTALLY, "-f", "json", "-p", policy, vendor, rebuilt], capture_output=True, text=True,
                             timeout=120)
        # A build with the sanitizers cannot be confined, and says so.
        told = [line for line in ran.stderr.splitlines() if "less confined than usual" not in line]
        self.assertEqual([], told)
        report = json.loads(ran.stdout)
        jsonschema.validate(report, SCHEMA)
        self.assertEqual({"different": 1, "equivalent": 0, "identical": 0}[report["verdict"]], ran.returncode)
        for side in ("vendor", "rebuilt"):
            tally = report["tally"][side]
            self.assertEqual(tally["size"], tally["identical"] + tally["set_aside"] + tally["unexplained"])
        self.assert_no_second_opinion(report)
        return report

    def assert_no_second_opinion(self, report):
        """What is proven to have moved is not told of as code that differs."""
        if "changed" not in (report["moved"] or {}):
            return
        changed = [(side["offset"], side["offset"] + side["size"]) for function in report["moved"]["changed"]
                   for side in [function["vendor"]] if side]
        for difference in report["explanation"]["differences"]:
            side = difference["vendor"]
            if difference["kind"] == "code" and difference["what"] != "code" and side:
                self.assertTrue(any(begin <= side["offset"] < end for begin, end in changed), difference)

    def unexplained(self, report):
        """Bytes by section: of the side that has more."""
        found = {}
        for finding in report["findings"]:
            if finding["standing"] == "unexplained":
                size = max((finding[side] or {"size": 0})["size"] for side in ("vendor", "rebuilt"))
                found[finding["section"]] = found.get(finding["section"], 0) + size
        return found

    def changed(self, report):
        return sorted((side["vendor"] or side["rebuilt"])["symbol"] for side in report["moved"]["changed"]
                      if not side["equal"])

    def assert_root(self, vendor, rebuilt, change):
        """The changed bytes of the rebuilt file do not pass."""
        crafted = self.here / "crafted"
        crafted.write_bytes(change.apply(rebuilt.read_bytes()))
        report = self.compare(vendor, crafted)
        self.assertFalse(accepted(report, change), f"{change.kind}, {change.told}")

    # ---- What moved ----

    def test_a_longer_string_is_all_that_is_left(self):
        for flags in (("-O0",), ("-O2",), ("-Os",), ("-O2", "-no-pie", "-fno-pie"), ("-O2", "-flto")):
            for strip in (False, True):
                with self.subTest(flags=flags, strip=strip):
                    a = self.build("string-v", flags=flags, strip=strip)
                    b = self.build("string-r", flags=flags, strip=strip, label='"a label that is longer by far"')
                    report = self.compare(a, b)
                    self.assertEqual("different", report["verdict"])
                    left = self.unexplained(report)
                    self.assertEqual({".rodata"}, set(left))
                    self.assertLess(left[".rodata"], 64)
                    self.assertEqual([], self.changed(report))
                    self.assertGreater(report["tally"]["vendor"]["by_rule"].get("moved-data", 0), 0)

    def test_what_is_reached_from_the_got_is_told_of_where_it_changed(self):
        """i386's code has a string's distance from the GOT in it, which people's disassembly shows as a number."""
        compiler = "i686-linux-gnu-gcc"
        if shutil.which(compiler) is None:
            self.skipTest("there is no compiler for i386")
        a = self.build("got-v", flags=("-O0", "-fPIE"), compiler=compiler)
        b = self.build("got-r", flags=("-O0", "-fPIE"), compiler=compiler, label='"a label that is longer by far"')
        report = self.compare(a, b)
        self.assertEqual({".rodata"}, set(self.unexplained(report)))
        self.assertEqual(["string"], [difference["what"] for difference in report["explanation"]["differences"]
                                      if difference["kind"] in ("string", "code")])

    def test_an_inserted_statement_is_found_in_its_function(self):
        for compiler in ("gcc", "clang"):
            with self.subTest(compiler=compiler):
                a = self.build("insert-v", compiler=compiler, flags=("-O2", "-g"))
                b = self.build("insert-r", compiler=compiler, flags=("-O2", "-g"), extra="counters[3] += x*x*x;")
                report = self.compare(a, b)
                self.assertEqual(["second"], self.changed(report))
                self.assertLessEqual(set(self.unexplained(report)), {".text", ".eh_frame"})
                self.assertEqual("work.c", pathlib.Path(report["moved"]["changed"][0]["rebuilt"]["source"]).name)
                # With the other files' order turned around beside it, too.
                c = self.build("insert-c", compiler=compiler, flags=("-O2", "-g"), extra="counters[3] += x*x*x;",
                               order=("twins.c", "choose.c", "work.c", "main.c"))
                self.assertEqual(["second"], self.changed(self.compare(a, c)))

    def test_another_order_of_objects_is_equivalent(self):
        for compiler, flags in (("gcc", ("-O2",)), ("gcc", ("-O0",)), ("clang", ("-O2",))):
            for strip in (False, True):
                with self.subTest(compiler=compiler, flags=flags, strip=strip):
                    a = self.build("order-v", compiler=compiler, flags=flags, strip=strip)
                    b = self.build("order-r", compiler=compiler, flags=flags, strip=strip,
                                   order=("main.c", "twins.c", "choose.c", "work.c"))
                    self.assertEqual("different", self.compare(a, b, "standard")["verdict"])
                    report = self.compare(a, b)
                    self.assertEqual("equivalent", report["verdict"], self.unexplained(report))
                    self.assertIn("moved-code", report["tally"]["vendor"]["by_rule"])

    def test_names_that_link_time_optimisation_makes_unique(self):
        """One side has name.lto_priv.0 for what the other has name for, functions and objects."""
        a = self.build("unique-v", label='"a label that is longer by far"', flags=("-O2", "-fno-pie", "-no-pie"))
        b = self.build("unique-r", flags=("-O2", "-fno-pie", "-no-pie"),
                       order=("twins.c", "choose.c", "work.c", "main.c"))
        plain = self.compare(a, b)
        for name in ("twin_a", "second", "counters", "handlers"):
            subprocess.run(["objcopy", "--redefine-sym", f"{name}={name}.lto_priv.0", b], check=True)
        report = self.compare(a, b)
        self.assertEqual([], self.changed(report))
        self.assertEqual(plain["moved"]["functions"], report["moved"]["functions"])
        left = self.unexplained(plain)
        self.assertEqual(left, {name: size for name, size in self.unexplained(report).items() if name in left})

    def test_a_string_that_only_changed_code_uses(self):
        """It is still the same string, where it is; another of its length is not."""
        def edit(source, text):
            return text.replace("{\n    switch", "{\n    counters[2] ^= n;\n    switch") if source == "choose.c" else text
        a = self.build("users-v", label='"a label that is longer by far"', order=("main.c", "twins.c", "choose.c", "work.c"))
        b = self.build("users-r", edit=edit)
        report = self.compare(a, b)
        self.assertEqual(["choose"], self.changed(report))
        data = a.read_bytes()
        for text in (b"one and only\0", b"the fourth\0"):
            begin = data.index(text)
            self.assertEqual([], [finding for finding in report["findings"] if finding["standing"] == "unexplained" and
                                  finding["vendor"] and finding["vendor"]["offset"] < begin + len(text) and
                                  begin < finding["vendor"]["offset"] + finding["vendor"]["size"]])
            rebuilt = b.read_bytes().index(text)
            self.assert_root(a, b, Retarget("string", rebuilt + 2, b"_", text.decode()))

    # ---- What did not ----

    def test_a_call_of_another_function_is_found_while_everything_shifts(self):
        a = self.build("call-v", label='"longer than it was before"',
                       edit=lambda source, text: text.replace("return first(x)", "return second(x)")
                       .replace("return x * 3", "EXTRA return x * 3"), extra="counters[3]++;")
        b = self.build("call-r", extra="")
        report = self.compare(a, b)
        told = {(side["vendor"] or side["rebuilt"])["symbol"] for side in report["moved"]["changed"]}
        self.assertLessEqual({"twin_a", "first", "second"}, told)
        self.assertNotIn("choose", told)

    def test_two_functions_that_changed_places_under_their_callers(self):
        a = self.build("swap-v", label='"longer than it was before"')
        b = self.build("swap-r")
        program = Program(b)
        data = b.read_bytes()
        places = {name: int(value, 16) for value, _, name in
                  (line.split() for line in subprocess.run(["nm", "--defined-only", b], capture_output=True, text=True,
                                                            check=True).stdout.splitlines())}
        sizes = dict(program.functions)
        first, second = places["twin_a"], places["twin_b"]
        self.assertEqual(sizes[first], sizes[second])
        # The bodies change places, and each of their own references leads to where it did.
        bodies = {}
        for here, there in ((first, second), (second, first)):
            body = bytearray(data[program.offset(there):program.offset(there) + sizes[there]])
            for sites in (program.calls, program.jumps, program.leas):
                for address, size, end, target in sites:
                    if there <= address < there + sizes[there] and not there <= target < there + sizes[there]:
                        distance = target - (end - there + here)
                        body[address - there:address - there + size] = distance.to_bytes(size, "little", signed=True)
            bodies[here] = bytes(body)
        crafted = bytearray(data)
        for here, body in bodies.items():
            crafted[program.offset(here):program.offset(here) + len(body)] = body
        (self.here / "swapped").write_bytes(crafted)
        report = self.compare(a, self.here / "swapped")
        self.assertEqual("different", report["verdict"])
        told = {(side["vendor"] or side["rebuilt"])["symbol"] for side in report["moved"]["changed"]}
        self.assertLessEqual({"twin_a", "twin_b"}, told)
        # Stripped, they could be each other; then it is their callers that lead away.
        for path in (a, self.here / "swapped"):
            subprocess.run(["strip", path, "-o", f"{path}-stripped"], check=True)
        report = self.compare(f"{a}-stripped", self.here / "swapped-stripped")
        self.assertEqual("different", report["verdict"])
        self.assertIn(".text", self.unexplained(report))

    def test_one_entry_of_each_kind_that_leads_elsewhere(self):
        generator = random.Random(5)
        for strip in (False, True):
            a = self.build("kinds-v", label='"longer than it was before"', extra="counters[3]++;", strip=strip)
            named = self.build("kinds-n")
            b = self.build("kinds-r", strip=strip)
            program = Program(b, named)
            for kind in Program.KINDS:
                for _ in range(6):
                    change = program.retarget(generator, kind)
                    with self.subTest(kind=kind, strip=strip):
                        self.assertIsNotNone(change)
                        self.assert_root(a, b, change)

    def test_where_only_the_order_differs_one_reference_is_enough(self):
        generator = random.Random(6)
        a = self.build("one-v")
        b = self.build("one-r", order=("main.c", "twins.c", "choose.c", "work.c"))
        self.assertEqual("equivalent", self.compare(a, b)["verdict"])
        program = Program(b)
        for kind in Program.KINDS:
            for _ in range(4):
                change = program.retarget(generator, kind)
                with self.subTest(kind=kind, told=change.told):
                    self.assert_root(a, b, change)

    def test_bytes_that_stay_while_what_they_mean_moves(self):
        """An addend, and a displacement, as they were before all moved: changed by exactly the shift."""
        a = self.build("stay-v", label='"longer than it was before, by more than alignment takes up"')
        b = self.build("stay-r")
        program, before = Program(b), Program(a)
        old = {place: addend for _, place, info, addend in before.relocations() if info == 8}
        pointers = [Retarget("pointer", at + 16, struct.pack("<q", old[place]), hex(place))
                    for at, place, info, addend in program.relocations()
                    if info == 8 and place in old and old[place] != addend]
        self.assertGreater(len(pointers), 2)
        displacements = {address: target for address, _, _, target in before.leas}
        sites = [Retarget("data", program.offset(address), struct.pack("<i", displacements[address] - end), hex(address))
                 for address, size, end, target in program.leas
                 if displacements.get(address, target) != target]
        self.assertGreater(len(sites), 2)
        for change in pointers + sites:
            with self.subTest(kind=change.kind, told=change.told):
                self.assert_root(a, b, change)

    def test_a_string_a_number_and_an_instruction_of_the_same_length(self):
        a = self.build("length-v", label='"longer than it was before"')
        b = self.build("length-r")
        data = b.read_bytes()
        for old, new in ((b"beta\0", b"Beta\0"), (b"one and only\0", b"one and 0nly\0")):
            change = Retarget("string", data.index(old), new, old.decode())
            differing = next(i for i in range(len(old)) if old[i] != new[i])
            narrow = Retarget("string", change.offset + differing, new[differing:differing + 1], old.decode())
            self.assert_root(a, b, narrow)
        program = Program(b)
        counters = next(int(line.split()[0], 16) for line in
                        subprocess.run(["nm", b], capture_output=True, text=True, check=True).stdout.splitlines()
                        if line.endswith(" counters"))
        self.assert_root(a, b, Retarget("number", program.offset(counters) + 4, b"\x09", "counters[1]"))

    def test_code_in_the_padding_between_functions(self):
        a = self.build("padding-v", label='"longer than it was before"', flags=("-O2", "-falign-functions=32"))
        b = self.build("padding-r", flags=("-O2", "-falign-functions=32"))
        program = Program(b)
        ends = sorted(begin + size for begin, size in program.functions)
        begins = sorted(begin for begin, _ in program.functions)
        tried = 0
        for end in ends:
            following = next((begin for begin in begins if begin >= end), None)
            offset = program.offset(end)
            if following is None or offset is None or not 4 <= following - end < 32:
                continue
            for hidden in (b"\x0f\x05\xc3", b"\xeb\xfe", b"\x0f\x1f\x40\x01"):
                if len(hidden) <= following - end:
                    self.assert_root(a, b, Retarget("padding", offset, hidden, hex(end)))
                    tried += 1
        self.assertGreater(tried, 5)

    def test_branches_and_entries_that_lead_behind_the_end_of_their_function(self):
        """clang lets the default of a switch that cannot be reached lead there."""
        first = """
asm(".text; .p2align 4; .globl into_end; .type into_end, @function\\n"
    "into_end: test %edi, %edi; jne 1f; mov $7, %eax; ret\\n1: .size into_end, . - into_end");
"""
        last = """
int selected(unsigned n)
{
    switch (n) {
    case 0: return puts("none"); case 1: return rand(); case 3: return abs(counters[1]);
    case 4: return puts("four"); case 6: return atoi("12"); case 7: return counters[2] * 9;
    default: __builtin_unreachable();
    }
}
int after(int n) { return n * counters[3] - 2; }
"""
        between = "int between(int n) { return n - counters[1] * 7; }\n"

        def build(name, what="", **more):
            return self.build(name, compiler="clang", edit=lambda source, old: first + what + old + last
                              if source == "choose.c" else old, **more)
        a = build("ends-v", label='"a label that is longer by far"')
        b = build("ends-r")
        self.assertEqual({".rodata"}, set(self.unexplained(self.compare(a, b))))
        self.assertEqual("equivalent", self.compare(build("ends-o", order=("twins.c", "choose.c", "work.c", "main.c")),
                                                    b)["verdict"])
        # Another function behind it is what would run.
        report = self.compare(build("ends-b", what=between), b)
        lines = subprocess.run(["nm", b], capture_output=True, text=True, check=True).stdout.splitlines()
        program, names = Program(b), {line.split()[2]: int(line.split()[0], 16) for line in lines if len(line.split()) == 3}
        at = (self.here / "ends-b").read_bytes().index(bytes.fromhex("85ff75"))
        self.assertTrue(any(finding["standing"] == "unexplained" and finding["vendor"] and
                            finding["vendor"]["offset"] <= at + 3 < finding["vendor"]["offset"] + finding["vendor"]["size"]
                            for finding in report["findings"]))
        # The branch leads to the next function's begin, and into the padding.
        at = b.read_bytes().index(bytes.fromhex("85ff75"))
        for to in (names["choose"], names["choose"] - 1):
            self.assert_root(a, b, Retarget("branch", at + 3, bytes([to - (names["into_end"] + 4)]), hex(to)))
        # Entries of the table: the default's become each other place, each other place the default.
        data = b.read_bytes()
        table = next(offset for offset in range(program.offset(names["_IO_stdin_used"]) & ~3, len(data) - 32, 4)
                     if len(set(struct.unpack_from("<8i", data, offset))) == 7 and
                     struct.unpack_from("<8i", data, offset)[2] == struct.unpack_from("<8i", data, offset)[5])
        entries = struct.unpack_from("<8i", data, table)
        for index, value in ((2, entries[0]), (5, entries[7]), (0, entries[2]), (4, entries[5]), (2, entries[2] + 1)):
            self.assert_root(a, b, Retarget("table", table + 4 * index, struct.pack("<i", value), str(index)))

    def test_other_shifts_of_the_filter_of_one_symbol(self):
        """Some lead to the same bits, and still are not what the linker writes."""
        pair = []
        for name, text in (("shift-v", "a text"), ("shift-r", "a text that is longer by far")):
            source, target = self.here / f"{name}.c", self.here / f"{name}.so"
            source.write_text(f'const char *only(int n) {{ return n ? "{text}" : "none"; }}\n')
            subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-nostdlib", "-Wl,--hash-style=gnu", source, "-o", target],
                           check=True)
            pair.append(target)
        self.assertEqual({".rodata"}, set(self.unexplained(self.compare(*pair))))
        headers = subprocess.run(["readelf", "-SW", pair[1]], capture_output=True, text=True, check=True).stdout
        at = int(re.search(r"\.gnu\.hash\s+GNU_HASH\s+\w+\s+(\w+)", headers)[1], 16) + 12
        shift = pair[1].read_bytes()[at]
        for other in range(0, 64, 4):
            if other != shift:
                self.assert_root(*pair, Retarget("shift", at, bytes([other]), str(other)))

    def test_what_cannot_be_looked_at_is_said_and_proves_nothing(self):
        a = self.build("not-v", flags=("-O2",))
        b = self.build("not-r", label='"longer than it was before"')
        for name, tool in (("sections", ["llvm-strip", "--strip-sections"]),):
            for path in (a, b):
                subprocess.run([*tool, path, "-o", f"{path}-{name}"], check=True)
            report = self.compare(f"{a}-{name}", f"{b}-{name}")
            self.assertIn("not_tried", report["moved"])
            self.assertEqual("different", report["verdict"])
        threads = {"edit": lambda source, text: text + "\n__thread int of_thread[SIZE]; int *where(void) "
                                                        "{ return &of_thread[1]; }\n" if source == "work.c" else text}
        c = self.build("tls-v", flags=("-O2", "-DSIZE=4"), **threads)
        d = self.build("tls-r", flags=("-O2", "-DSIZE=8"), **threads)
        self.assertIn("thread", self.compare(c, d)["moved"]["not_tried"])

    def places(self, path):
        listed = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout.splitlines()
        return {line.split()[-1]: int(line.split()[0], 16) for line in listed if len(line.split()) == 3}

    def test_an_index_that_counts_from_before_its_array(self):
        """arr[i - 3] names an address in what stands before arr; where these are separated it must go with arr."""
        code = """#include <stdio.h>
        extern int before[8], arr[8], other[4];
        __attribute__((noipa)) int f(long i) { return arr[i - 3]; }
        __attribute__((noipa)) int g(long i) { return before[i & 3] + other[i & 3]; }
        int main(int argc, char **argv) { (void)argv; printf("%d %d\\n", f(argc + 4), g(argc)); return 0; }
        """
        arrays = {"before": "int before[8] = {100, 200, 300, 400, 500, 600, 700, 800};",
                  "arr": "int arr[8] = {1, 2, 3, 4, 5, 6, 7, 8};", "other": "int other[4] = {1000, 2000, 3000, 4000};"}
        files = []
        for name, order in (("bias-v", ("before", "other", "arr")), ("bias-r", ("before", "arr", "other"))):
            (self.here / "bias.c").write_text(code)
            (self.here / f"{name}-data.c").write_text("\n".join(arrays[array] for array in order))
            subprocess.run(["gcc", "-O2", "-fno-pie", "-no-pie", "-fno-toplevel-reorder", "-fno-ident", self.here / "bias.c",
                            self.here / f"{name}-data.c", "-o", self.here / name], check=True)
            files.append(self.here / name)
        where, data = self.places(files[0]), files[0].read_bytes()
        right, wrong = (struct.pack("<I", value) for value in (where["arr"] - 12, where["before"] + 20))
        self.assertEqual(1, data.count(right))
        crafted = self.here / "bias-crafted"
        crafted.write_bytes(data.replace(right, wrong))
        for strip in (False, True):
            pair = [crafted, files[1]]
            if strip:
                for path in pair:
                    subprocess.run(["strip", path, "-o", f"{path}-stripped"], check=True)
                pair = [f"{path}-stripped" for path in pair]
            self.assertEqual("different", self.compare(*pair)["verdict"])

    def test_a_method_at_an_odd_address_would_pass_for_a_virtual_one(self):
        (self.here / "odd.cc").write_text("""#include <cstdio>
        struct S { virtual int q(int x) { return x + 1; } int a(int x) { return x * 3 + 11; } };
        S s; int (S::*p)(int) = &S::a;
        int main(int argc, char **) { std::printf("%d\\n", (s.*p)(argc)); return 0; }
        """)
        subprocess.run(["g++", "-O1", "-fno-ident", "-S", self.here / "odd.cc", "-o", self.here / "odd.s"], check=True)
        text = (self.here / "odd.s").read_text()
        at = text.index("_ZN1S1aEi:")
        head = text[:at].rsplit(".align 2", 1)
        self.assertEqual(2, len(head))
        files = []
        for pad in ("", "\tnop\n", "\tnop\n\tnop\n"):
            path = self.here / f"odd-{len(pad)}"
            source = path.with_suffix(".s")
            source.write_text(head[0] + (".align 2" if not pad else "") + head[1] + pad + text[at:])
            subprocess.run(["g++", source, "-o", path], check=True)
            if not pad or self.places(path)["_ZN1S1aEi"] % 2 == 1:
                files.append(path)
        self.assertGreater(len(files), 1)
        self.assertEqual(0, self.places(files[0])["_ZN1S1aEi"] % 2)
        for crafted in files[1:]:
            self.assertEqual("different", self.compare(crafted, files[0])["verdict"])

    def test_a_section_that_is_not_loaded_and_stays_is_restated_and_not_proven(self):
        a = self.build("stays-v")
        b = self.build("stays-r", order=("main.c", "twins.c", "choose.c", "work.c"))
        self.assertEqual("equivalent", self.compare(a, b)["verdict"])
        (self.here / "kept").write_text("of no known kind")
        for path in (a, b):
            subprocess.run(["objcopy", "--add-section", f".kept={self.here / 'kept'}", path, f"{path}-kept"], check=True)
        report = self.compare(f"{a}-kept", f"{b}-kept")
        self.assertEqual("different", report["verdict"])
        self.assertGreater(report["moved"]["functions"], 10)

    def test_a_report_that_rests_on_it_is_no_evidence_without_the_comparison(self):
        a = self.build("verify-v")
        b = self.build("verify-r", order=("main.c", "twins.c", "choose.c", "work.c"))
        report = self.here / "report.json"
        subprocess.run([ELFTALLY, "-f", "json", "--digest", "-p", "semantic", "-o", report, a, b])
        ran = subprocess.run([ELFTALLY, "verify", report, a, b], capture_output=True, text=True)
        self.assertNotEqual(0, ran.returncode)
        self.assertIn("moved", ran.stderr)

    def test_vtables_exceptions_and_unwinding(self):
        source = """
        #include <cstdio>
        #include <stdexcept>
        #include <string>
        struct Shape { virtual ~Shape() {} virtual int area() const = 0; virtual const char *name() const = 0; };
        struct Square : Shape { int a; Square(int x) : a(x) {} int area() const override { return a * a; }
                                const char *name() const override { return "square"; } };
        struct Line : Shape { int area() const override { throw std::runtime_error("a line has none"); }
                              const char *name() const override { return "line"; } };
        static Shape *make(int i) { return i & 1 ? (Shape *)new Square(i) : new Line; }
        int main(int argc, char **argv)
        {
            int sum = 0;
            for (int i = 0; i < argc + 3; i++) {
                Shape *shape = make(i);
                try { sum += shape->area(); std::string text(shape->name()); sum += (int)text.size(); }
                catch (const std::exception &e) { std::printf("%s: %s\\n", LABEL, e.what()); }
                delete shape;
            }
            return sum;
        }
        """
        (self.here / "shapes.cc").write_text(source)
        for flags in (("-O0",), ("-O2",)):
            files = []
            for name, label in (("shapes-v", '"x"'), ("shapes-r", '"a longer label, so that all that follows moves"')):
                subprocess.run(["g++", *flags, f"-DLABEL={label}", "-fno-ident", self.here / "shapes.cc", "-o",
                                self.here / name], check=True)
                files.append(self.here / name)
            report = self.compare(*files)
            self.assertEqual({".rodata"}, set(self.unexplained(report)))
            self.assertGreater(report["moved"]["unwind_records"], 5)
            self.assertGreater(report["moved"]["exception_tables"], 0)
            program = Program(files[1])
            generator = random.Random(7)
            for _ in range(8):
                self.assert_root(*files, program.pointer(generator))

    # ---- What is laid out otherwise, with every reference going along ----

    def laid_out(self, name, source, edit, flags=("-O1",), compiler="gcc", libraries=()):
        """The program, and one whose assembly was edited; each with and without symbols."""
        here = self.here / f"{name}.d"
        here.mkdir(exist_ok=True)
        suffix = "cc" if compiler.endswith("++") else "c"
        (here / f"x.{suffix}").write_text(source)
        order = ("-fno-toplevel-reorder", "-fno-tree-vectorize", "-fno-ident") if compiler.startswith("g") else ()
        subprocess.run([compiler, *flags, *order, "-S", here / f"x.{suffix}", "-o", here / "r.s"], check=True)
        text = (here / "r.s").read_text()
        edited = edit(text)
        self.assertNotEqual(text, edited)
        (here / "v.s").write_text(edited)
        for side in "vr":
            subprocess.run([compiler, *(flag for flag in flags if flag.endswith("pie")), here / f"{side}.s", "-o",
                            here / side, *libraries], check=True)
            subprocess.run(["strip", here / side, "-o", here / f"{side}-stripped"], check=True)
        self.assertNotEqual(subprocess.run([here / "v"], capture_output=True).stdout,
                            subprocess.run([here / "r"], capture_output=True).stdout)
        return [(here / "v", here / "r"), (here / "v-stripped", here / "r-stripped")]

    def assert_found(self, pairs):
        for vendor, rebuilt in pairs:
            with self.subTest(vendor=vendor.name):
                self.assertEqual("different", self.compare(vendor, rebuilt)["verdict"])

    def test_an_end_that_is_also_a_begin(self):
        """What a loop ends at is another array's begin, which goes away with it."""
        source = """
        #include <stdio.h>
        int array[8] = {1, 2, 3, 4, 5, 6, 7, 8}, next[4] = {100, 200, 300, 400}, other[4] = {1000, 2000, 3000, 4000};
        #ifdef PAIR
        struct { int *begin, *end; } pair = {array, array + 8};
        #define BEGIN pair.begin
        #define END pair.end
        #else
        #define BEGIN array
        #define END (array + 8)
        #endif
        __attribute__((noipa)) int sum(void) { int s = 0; for (int *p = BEGIN; p != END; p++) s += *p; return s; }
        __attribute__((noipa)) int of_next(int i) { return next[i & 3]; }
        __attribute__((noipa)) int of_other(int i) { return other[i & 3]; }
        int main(int argc, char **argv) { printf("%d %d %d\\n", sum(), of_next(argc), of_other(argc)); }
        """
        edit = lambda text: exchanged(text, "next", "other").replace("array+32", "next")
        for flags in (("-O1", "-no-pie", "-fno-pie"), ("-O1", "-DPAIR"), ("-O1", "-DPAIR", "-no-pie", "-fno-pie")):
            with self.subTest(flags=flags):
                self.assert_found(self.laid_out("end", source, edit, flags))

    def test_an_end_of_all_that_is_loaded(self):
        """It is no address of anything that is loaded, and stays while the array moves away from it."""
        source = """
        #include <stdio.h>
        int a, b, c, hole[4], d, e, f, g, array[8];
        __attribute__((noipa)) int all(void) { return a + b + c + d + e + f + g; }
        __attribute__((noipa)) int count(void)
        { int n = 0; for (int *p = array; p != array + 8; p++) n += *p + 1; return n; }
        int main(int argc, char **argv) { printf("%d %d\\n", all(), count()); }
        """

        def edit(text):
            return (text.replace("hole:\n\t.zero\t16", "hole:").replace(".size\thole, 16", ".size\thole, 0")
                    .replace("array+32", "array+48").replace(".align 32", ".align 16"))
        self.assert_found(self.laid_out("last", source, edit, ("-O1", "-no-pie", "-fno-pie")))

    def test_pointers_between_words(self):
        source = """
        #include <stdio.h>
        __attribute__((noipa)) int one(int x) { return x * 3 + 11; }
        __attribute__((noipa)) int two(int x) { return x * 5 + 17; }
        #pragma pack(1)
        struct { char c; int (*f)(int); } packed = {1, one};
        int main(int argc, char **argv) { printf("%d %d %d\\n", packed.f(argc), one(argc), two(argc)); }
        """

        def edit(text):
            return functions_exchanged(text, "one", "two").replace(".quad\tone", ".quad\ttwo")
        self.assert_found(self.laid_out("packed", source, edit, ("-O1", "-no-pie", "-fno-pie")))

    def test_numbers_that_are_distances_to_functions(self):
        source = """
        #include <cstdio>
        struct S { virtual int a(int x) { return x * 3 + 11; } virtual int b(int x) { return x * 5 + 17; } };
        S s;
        __attribute__((noinline)) int call(S *p, int x) { return p->a(x) + p->b(x) * 100; }
        int main(int argc, char **argv) { std::printf("%d\\n", call(&s, argc)); }
        """

        def edit(text):
            text = swapped(text, *(re.search(r"\t\.section\t\.text\.%s(?:.*\n)*?\t\.cfi_endproc\n" % name, text)[0]
                                   for name in ("_ZN1S1aEi", "_ZN1S1bEi")))
            return swapped(text, "_ZN1S1aEi@PLT-", "_ZN1S1bEi@PLT-")
        self.assert_found(self.laid_out("distances", source, edit, ("-O1", "-fPIC", "-Xclang",
                                        "-fexperimental-relative-c++-abi-vtables"), "clang++"))

    def test_zeros_that_are_elements(self):
        data = """
        #include <stdio.h>
        int array[8] = {1}, next[4] = {7, 8, 9, 10};
        __attribute__((noipa)) int of_array(int i) { return array[i]; }
        __attribute__((noipa)) int *of_next(void) { return next; }
        int main(int argc, char **argv) { printf("%d %d %d\\n", of_array(argc), of_array(argc + 3), *of_next()); }
        """
        edit = lambda text: text.replace("\t.zero\t28\n", "").replace(".globl\tnext\n\t.align 16", ".globl\tnext")
        self.assert_found(self.laid_out("zeros", data, edit))
        nothing = """
        #include <stdio.h>
        int a, b, c, array[100], d, e, f, g;
        __attribute__((noipa)) void fill(void) { for (int i = 0; i < 100; i++) array[i] = i; }
        __attribute__((noipa)) int all(void) { return a + b + c + d + e * 10 + f * 100 + g * 1000; }
        int main(int argc, char **argv) { fill(); printf("%d\\n", all()); }
        """
        edit = lambda text: text.replace("array:\n\t.zero\t400", "array:\n\t.zero\t16")
        self.assert_found(self.laid_out("bss", nothing, edit))

    def test_operands_that_must_be_aligned(self):
        source = """
        #include <stdio.h>
        typedef float vector __attribute__((vector_size(16)));
        float of_four[4] __attribute__((aligned(16))) = {1, 2, 3, 4};
        __attribute__((noipa)) float add(vector x) { vector y = x + *(vector *)of_four; return y[0] + y[1]; }
        int main(int argc, char **argv) { vector x = {1, 2, 3, 4}; printf("%g\\n", add(x)); }
        """
        edit = lambda text: text.replace(".align 16", ".align 8")
        self.assert_found(self.laid_out("aligned", source, edit))


if __name__ == "__main__":
    unittest.main(argv=["test_moved"])
