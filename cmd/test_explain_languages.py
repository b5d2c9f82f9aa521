#!/usr/bin/env python3
"""Explanations of what rustc and Go lay out otherwise than C: texts side by side without a NUL, lengths behind pointers,
tables among texts, names with hashes. Made by hand, for no such compiler is needed to test it.

Usage: test_explain_languages.py ELFTALLY SOURCE_ROOT
"""
import subprocess
import sys
import unittest

from explained import Explained

RUSTC = '__asm__(".section .comment\\n.string \\"rustc version 1.63.0\\"\\n.previous");\n'
# Texts side by side, the last of them in front of a table of places in the code, which moves by whole alignments.
TEXTS = RUSTC + r"""
#include <stdio.h>
__asm__(".section .rodata\n.balign 16\n"
        ".globl texts, label, about, behind, end, table\n"
        "texts: .ascii \"main.rs\"\n" "label: .ascii \"" LABEL "\"\n" "about: .ascii \"" ABOUT "\"\n"
        "behind: .ascii \"formatter error\"\n.byte 0\n.balign 16\n"
        "end: .ascii \"" KEPT "\"\n"
        "table: .long first - table, second - table, third - table, first - table, third - table, second - table\n"
        ".long 0, 0\n.previous\n"
        ".text\n.skip " PAD "\n.type first, @function\nfirst: mov $1, %eax\nret\n.size first, .-first\n"
        ".type second, @function\nsecond: mov $2, %eax\nret\n.size second, .-second\n"
        ".type third, @function\nthird: mov $3, %eax\nret\n.size third, .-third\n.previous");
extern const char texts[], label[], about[], behind[], end[];
extern const int table[];
const struct { const char *text; unsigned long size; } slices[] = {
    {texts, 7}, {label, sizeof LABEL - 1}, {about, sizeof ABOUT - 1}, {behind, CHOSEN}, {end, 16}};
int main(int n, char **v) { return printf("%.*s %d", (int)slices[n].size, slices[n].text, table[n]); }
"""


class RustAndGo(Explained):
    def texts(self, vendor, rebuilt, label="data ", chosen=(15, 15), kept=("StripPrefixError",) * 2, pad=1):
        sides = [{"ABOUT": f'"{about}"', "LABEL": f'"{label}"', "CHOSEN": size, "KEPT": f'"{text}"', "PAD": f'"{pad}"'}
                 for about, size, text in zip((vendor, rebuilt), chosen, kept)]
        return self.causes(self.pair_of(TEXTS, *sides))

    def test_tables_among_texts_move_with_them(self):
        """Their first bytes look like text in some places, and like none in others."""
        for pad in range(1, 128, 11):
            for longer in ("/build/another/share", "/build/a-place-that-is-much-longer-than-the-other/share"):
                self.assertEqual(self.texts("/build/a/share", longer, pad=pad), ["build-path-other"], (pad, longer))

    def test_what_changed_beside_such_a_table_stays_in_sight(self):
        for pad in range(1, 64, 23):
            for rest in ({"kept": ("StripPrefixError", "StripPrefixErros")}, {"chosen": (15, 9)}):
                told = self.texts("/build/a/share", "/build/a-much-longer-place/share", pad=pad, **rest)
                self.assertEqual(sorted(told), ["build-path-other", "unknown"], (pad, rest))

    def test_the_label_in_front_of_a_text_says_what_it_is(self):
        for other in ("ember", "juniper"):
            self.assertEqual(self.texts("fjord", other, label="build host: "), ["user-host"], other)
            self.assertEqual(self.texts("fjord", other, label="default name: "), ["unknown"], other)

    def test_a_text_that_goes_on_where_the_other_ends(self):
        self.assertEqual(self.texts("v2.1-3-ge50fb2b", "v2.1-3-ge50fb2b-dirty", label="version "), ["vcs-revision"])

    def test_short_strings_that_stand_elsewhere(self):
        """rustc lets the linker lay strings of one size together, wherever the others are."""
        source = RUSTC + r"""#include <stdio.h>
            __asm__(".section .rodata\n.globl first, second, third\n" TEXTS ".byte 0\n.previous");
            extern const char first[], second[], third[];
            const struct { const char *text; unsigned long size; } slices[] = {
                {first, 7}, {second, 16}, {third, 15}};
            int main(int n, char **v) { return printf("%.*s", (int)slices[n].size, slices[n].text); }"""
        def texts(*order):
            return {"TEXTS": '"' + "".join(f"{name}: .ascii \\\"{text}\\\"\\n" for name, text in order) + '"'}
        first, third = ("first", "main.rs"), ("third", "formatter error")
        told = self.pair_of(source, texts(("second", "v1.6-76-g2a204a6"), first, third),
                            texts(first, ("second", "v1.8-85-g616a413"), third))
        self.assertEqual(self.causes(told), ["vcs-revision"])
        told = self.pair_of(source, texts(("second", "v1.6-76-g2a204a6"), first, third),
                            texts(("first", "main.rb"), ("second", "v1.8-85-g616a413"), third))
        self.assertIn("unknown", self.causes(told))

    def test_a_label_behind_a_pointer_without_a_relocation(self):
        """Go's programs are loaded where they were linked, and keep texts behind variables."""
        source = """#include <stdio.h>
            struct text { const char *bytes; unsigned long size; };
            struct text about = {ABOUT, sizeof ABOUT - 1}, label = {LABEL, sizeof LABEL - 1};
            int main(int n, char **v) { return printf("%.*s", (int)about.size, about.bytes) + (int)label.size; }"""
        for label, cause in (("built by ", "user-host"), ("write to ", "unknown")):
            sides = [{"LABEL": f'"{label}"', "ABOUT": f'"{about}"'} for about in ("ann@grove", "joe@cedar")]
            self.assertEqual(self.causes(self.pair_of(source, *sides, "-no-pie", "-fno-pie")), [cause], label)

    # Two functions of one name, which only a hash tells apart, and by whose hashes rustc orders them.
    NAMES = RUSTC + r"""
        __asm__(".text\n.type _ZN4drop17h" FIRST "E, @function\n_ZN4drop17h" FIRST "E: " ONE ".size _ZN4drop17h" FIRST "E, 8\n"
                ".type _ZN4drop17h" SECOND "E, @function\n_ZN4drop17h" SECOND "E: " TWO ".size _ZN4drop17h" SECOND "E, 8\n"
                ".type _ZN4user17h" FIRST "E, @function\n_ZN4user17h" FIRST "E: call " SMALL "\n call " LARGE
                "\nret\n.size _ZN4user17h" FIRST "E, .-_ZN4user17h" FIRST "E\n");
        int main(int n, char **v) { return n; }"""
    SMALL, LARGE = "mov $1, %eax\\nret\\nnop\\nnop\\n", "lea 3(%rdi,%rsi), %rax\\nret\\nnop\\nnop\\n"

    def named(self, first, second, swapped, small=SMALL):
        bodies = [small, self.LARGE]
        names = [f"_ZN4drop17h{hash}E" for hash in (first, second)]
        places = (1, 0) if swapped else (0, 1)
        return {"FIRST": f'"{first}"', "SECOND": f'"{second}"', "ONE": f'"{bodies[places[0]]}"',
                "TWO": f'"{bodies[places[1]]}"', "SMALL": f'"{names[places[0]]}"', "LARGE": f'"{names[places[1]]}"'}

    def test_functions_of_one_name_are_paired_by_what_they_do(self):
        first, second = ("0123456789abcdef", "123456789abcdef0"), ("3ba76543210fedcb", "fedcba9876543210")
        told = self.pair_of(self.NAMES, self.named(*first, False), self.named(*second, True))
        self.assertEqual(self.causes(told), ["rust-metadata"])
        changed = self.named(*second, True, small=self.SMALL.replace("$1", "$2"))
        self.assertIn("unknown", self.causes(self.pair_of(self.NAMES, self.named(*first, False), changed)))

    def test_part_of_a_build_id_inside_may_look_like_text(self):
        source = r"""__asm__(".section .rodata\n.globl inner\n.type inner, @object\ninner: .long 4, 20, 3\n.asciz \"GNU\"\n" ID
            ".size inner, .-inner\n"); int main(int n, char **v) { return n; }"""
        ids = [", ".join(str(byte) for byte in bytes.fromhex(text)) for text in (
            "6ff9da80a2780bcc1f681a298d037cd812345678", "9623bc723d4ee002e166094409d248afae79362100")]
        told = self.pair_of(source, *({"ID": f'".byte {text}\\n"'} for text in ids))
        self.assertEqual(self.causes(told), ["nested-build-id"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
