"""The table of attacks: pairs of files that differ in something that acts, and must never be judged equal.

Each row makes a pair from a program or object compiled at that time. What differs is acted on by the kernel, ld.so, a
linker, the module loader or the program's own code, or is a payload at a place where a rule looks. A row that takes
`armed` also has a harmless twin: the same pair with everything but the payload, which must be judged equal, so that
the row fails for its payload and for nothing else.
"""
import inspect
import lzma
import pathlib
import struct
import subprocess
import zlib

from elf_file import (DYN, ET_EXEC, PF_R, PF_W, PF_X, PT_DYNAMIC, PT_GNU_EH_FRAME, PT_GNU_PROPERTY, PT_GNU_RELRO,
                      PT_GNU_STACK, PT_INTERP, PT_LOAD, PT_NOTE, PT_NULL, RELA, SHF_ALLOC, SHF_COMPRESSED,
                      SHF_EXECINSTR, SHF_MERGE, SHF_WRITE, SHT_NOBITS, SHT_NOTE, Elf, Record)

DT_NULL, DT_NEEDED, DT_PLTGOT, DT_STRTAB, DT_RELA, DT_STRSZ, DT_INIT, DT_DEBUG = 0, 1, 3, 5, 7, 10, 12, 21
DT_FLAGS, DT_FLAGS_1 = 30, 0x6ffffffb
DT_GNU_CONFLICT, DT_GNU_CONFLICTSZ = 0x6ffffef8, 0x6ffffdf6
CODE = bytes.fromhex("31ff6a3c580f05")  # x86-64: exit(0)
PAGE = 4096

# A program with room for a second copy of any table, to which a tag or segment can be made to point.
ROOMY = """
#include <stdio.h>
__attribute__((used, aligned(64))) char room[4096] = "room";
__thread int counter = 7;
__attribute__((constructor)) static void begin(void) { counter++; }
#ifdef EXTRA
__attribute__((constructor)) static void extra(void) { counter += 2; }
#endif
__attribute__((noinline, used)) static void other(void) { counter = 0; }
int main(int argc, char **argv) { printf("%s %d\\n", argv[argc - 1], counter); return 0; }
"""
LIBRARY = "int first(int a) { return a + 1; }\nint second(int a) { return a * 7; }\n"
OBJECT = """
int allowed(void); int refused(void);
static int numbers[4] = {1, 2, 3, 4};
__attribute__((constructor)) static void begin(void) { numbers[0]++; }
int check(int a) { return a > numbers[2] ? allowed() : refused(); }
int second(void) { return numbers[1]; }
const char *text(void) { return "password"; }
"""
COMDAT = '.section .text.f,"axG",@progbits,f,comdat\n.weak f\nf: ret\n'
MODULE = """
static int begin(void) { return 0; }
static int end(void) { return 1; }
__attribute__((section(".modinfo"), used, aligned(1))) static const char info[] = "license=GPL\\0vermagic=6.1.0 SMP";
__attribute__((section("__versions"), used)) static const struct { unsigned long crc; char name[56]; } versions[] =
    {{0x12345678, "module_layout"}, {0x9abcdef0, "_printk"}};
__attribute__((section(".gnu.linkonce.this_module"), used))
struct { long state; char name[56]; int (*init)(void), (*exit)(void); } __this_module = {0, "fake", begin, end};
"""
ID_OBJECT = """
.section .note.gnu.build-id,"a",@note
.balign 4
.long 4, 20, 3
.asciz "GNU"
.Lid: .ascii "ID"
.text
f: ret
USE
"""
# Two notes that both call themselves the build ID.
SECOND_ID = """
__asm__(".pushsection .note.second, \\"a\\", @note\\n.balign 4\\n.long 4, 20, 3\\n.asciz \\"GNU\\"\\n"
        ".ascii \\"" ID "\\"\\n.popsection");
int main(void) { return 0; }
"""


class Lab:
    """Compiles, each program once, and runs tools on copies."""

    def __init__(self, root, here):
        self.root, self.here, self.made = pathlib.Path(root), pathlib.Path(here), {}

    def run(self, *command):
        subprocess.run([str(word) for word in command], check=True, capture_output=True, timeout=120)

    def build(self, *flags, source=None, compiler="gcc", suffix=".c"):
        key = (compiler, flags, source)
        if key not in self.made:
            path = self.root / "testdata/small.c"
            if source is not None:
                path = self.here / ("source" + suffix)
                path.write_text(source)
            self.run(compiler, *flags, "-o", self.here / "made", path)
            self.made[key] = (self.here / "made").read_bytes()
        return Elf(self.made[key])

    def two(self, *flags, **options):
        return self.build(*flags, **options), self.build(*flags, **options)

    def tool(self, elf, *command):
        """The file after a tool that changes it in place."""
        path = self.here / "tooled"
        path.write_bytes(elf.data)
        self.run(*command, path)
        return Elf(path.read_bytes())

    def file(self, content):
        path = self.here / "content"
        path.write_bytes(content)
        return path

    def add(self, elf, name, content):
        return self.tool(elf, "objcopy", "--add-section", f"{name}={self.file(content)}")

    def update(self, elf, name, content):
        return self.tool(elf, "objcopy", "--update-section", f"{name}={self.file(content)}")


class Attack:
    def __init__(self, name, make, why, anomaly, section):
        self.name, self.why, self.anomaly, self.section, self._make = name, why, anomaly, section, make
        self.has_twin = "armed" in inspect.signature(make).parameters

    def pair(self, lab, armed=True):
        pair = self._make(lab, armed) if self.has_twin else self._make(lab)
        return tuple(bytes(elf.data) for elf in pair)


ATTACKS = []


def attack(name, why, anomaly=None, section=None):
    """anomaly: its ID must be in the report. section: the beginning of the name of one that must be unexplained."""
    def add(make):
        ATTACKS.append(Attack(name, make, why, anomaly, section))
        return make
    return add


def plain(lab):
    return lab.two("-O2")


def roomy(lab, *flags):
    return lab.two("-O2", *flags, source=ROOMY)


def room(elf):
    """Address and file offset of the room."""
    address = elf.symbol("room").st_value
    return address, elf.offset_of(address)


def code(elf):
    return elf.segment(PT_LOAD, PF_R | PF_X)


def writable(elf):
    return elf.segment(PT_LOAD, PF_R | PF_W)


def change_id(elf):
    elf.flip(".note.gnu.build-id", 20)


# ---- Bytes that are mapped though no section has them ----------------------------------------------------------------

@attack("code in the slack of an executable page", "the kernel maps whole pages: it can be jumped to")
def _(lab, armed):
    vendor, rebuilt = plain(lab)
    segment = code(rebuilt)
    if armed:
        rebuilt.put(segment.p_offset + segment.p_filesz + 16, CODE)
    return vendor, rebuilt


@attack("data in the slack of a read-only page", "mapped, and readable at a known address")
def _(lab):
    vendor, rebuilt = plain(lab)
    segment = rebuilt.segments(PT_LOAD)[2]
    rebuilt.put(segment.p_offset + segment.p_filesz + 8, b"payload")
    return vendor, rebuilt


@attack("a payload in .comment behind a small .bss", "ld.so zeroes no further than p_memsz: it stays in memory")
def _(lab):
    vendor, rebuilt = library(lab)
    return vendor, lab.update(rebuilt, ".comment", b"GCC: (Debian) payload\0")


@attack("code beyond 4 KiB in the slack of a 64 KiB page", "kernels with 64 KiB pages map it with the code")
def _(lab):
    vendor, rebuilt = lab.two("-O2", compiler="aarch64-linux-gnu-gcc")
    segment = code(rebuilt)
    rebuilt.put((segment.p_offset + segment.p_filesz + 2 * PAGE) & -PAGE, bytes.fromhex("c0035fd6"))
    return vendor, rebuilt


@attack("bytes behind everything else", "a program can read them through /proc/self/exe", section="overlay")
def _(lab, armed):
    vendor, rebuilt = plain(lab)
    if armed:
        rebuilt.data += b"payload"
    return vendor, rebuilt


@attack("a changed overlay on both sides", "self-extracting programs run what is there", section="overlay")
def _(lab):
    vendor, rebuilt = plain(lab)
    vendor.data += b"#!/bin/sh\nexit 0\n"
    rebuilt.data += b"#!/bin/sh\nexit 1\n"
    return vendor, rebuilt


@attack("code in a segment without section headers", "the loader needs none", section="segment")
def _(lab, armed):
    vendor, rebuilt = plain(lab)
    for elf in (vendor, rebuilt):
        end = max(segment.p_offset + segment.p_filesz for segment in elf.segments())
        if armed and elf is rebuilt:
            elf.flip(".text", 8)
        elf.header.e_shoff = elf.header.e_shnum = elf.header.e_shstrndx = 0
        del elf.data[end:]
    return vendor, rebuilt


@attack("padding between loaded sections changed", "mapped with the code around it")
def _(lab):
    vendor, rebuilt = plain(lab)
    section = rebuilt.section(".init")
    rebuilt.put(section.sh_offset + section.sh_size, b"\xcc")
    return vendor, rebuilt


# ---- Section headers that tell another story -------------------------------------------------------------------------

@attack(".text typed NOBITS on one side, with changed code", "by its header nothing is there, but the segment maps it",
        anomaly="nobits-over-bytes")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.flip(".text", 8)
    rebuilt.section(".text").sh_type = SHT_NOBITS
    return vendor, rebuilt


@attack(".text typed NOBITS on both sides, with changed code", "odd on both sides alike is odd still",
        anomaly="nobits-over-bytes")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.flip(".text", 8)
    for elf in (vendor, rebuilt):
        elf.section(".text").sh_type = SHT_NOBITS
    return vendor, rebuilt


@attack("ALLOC taken from .text on both sides, with changed code", "section headers say it is not loaded",
        anomaly="section-not-alloc")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.flip(".text", 8)
    for elf in (vendor, rebuilt):
        elf.section(".text").sh_flags &= ~SHF_ALLOC
    return vendor, rebuilt


@attack(".text renamed to .comment, with changed code", "a name proves nothing", section=".comment")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.flip(".text", 8)
    for elf in (vendor, rebuilt):
        elf.section(".text").sh_name = elf.section(".comment").sh_name
    return vendor, rebuilt


@attack("a decoy header shows a clean copy of .text", "the segment maps the changed one", anomaly="section-place")
def _(lab):
    vendor, rebuilt = plain(lab)
    clean = rebuilt.content(".text")
    rebuilt.flip(".text", 8)
    rebuilt.section(".text").sh_offset = rebuilt.append(clean)
    return vendor, rebuilt


@attack("decoy headers on both sides over a changed .text", "both show the same clean copy", anomaly="section-place")
def _(lab):
    vendor, rebuilt = plain(lab)
    for elf in (vendor, rebuilt):
        clean = elf.content(".text")
        if elf is rebuilt:
            elf.flip(".text", 8)
        elf.section(".text").sh_offset = elf.append(clean)
    return vendor, rebuilt


@attack("two sections claim the same code", ".comment laid over .text", anomaly="overlapping-claims")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.flip(".text", 8)
    for elf in (vendor, rebuilt):
        elf.section(".comment").sh_offset = elf.section(".text").sh_offset
    return vendor, rebuilt


@attack(".text said to be at another address", "tools disassemble it elsewhere", anomaly="section-place")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.section(".text").sh_addr += 16
    return vendor, rebuilt


@attack("a code section that the segment does not make executable", "two views of one protection",
        anomaly="section-flags")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.section(".rodata").sh_flags |= SHF_EXECINSTR
    return vendor, rebuilt


@attack("a section with terminal escapes in its name", "a raw escape rewrites what the reader sees")
def _(lab):
    vendor, rebuilt = plain(lab)
    return vendor, lab.add(rebuilt, ".\x1b[2Jidentical\x1b[8m", b"payload")


# ---- What the program headers say ------------------------------------------------------------------------------------

@attack("the program header table moved, the old one left as a decoy", "the kernel goes by e_phoff")
def _(lab):
    vendor, rebuilt = plain(lab)
    header = rebuilt.header
    table = bytes(rebuilt.data[header.e_phoff:header.e_phoff + header.e_phnum * header.e_phentsize])
    header.e_phoff = rebuilt.append(table)
    rebuilt.segment(PT_GNU_STACK).p_flags |= PF_X
    return vendor, rebuilt


@attack("the stack made executable", "any overflow can run what it wrote", section="program headers")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.segment(PT_GNU_STACK).p_flags |= PF_X
    return vendor, rebuilt


@attack("PT_GNU_STACK dropped", "without it the kernel makes the stack executable", section="program headers")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.segment(PT_GNU_STACK).p_type = PT_NULL
    return vendor, rebuilt


@attack("RELRO dropped", "the GOT stays writable", section="program headers")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.segment(PT_GNU_RELRO).p_type = PT_NULL
    return vendor, rebuilt


@attack("RELRO dropped by one program header less", "e_phnum ends the table before it", section="ELF header")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.header.e_phnum -= 1
    return vendor, rebuilt


@attack("code made writable", "a segment that can be written and run", section="program headers")
def _(lab):
    vendor, rebuilt = plain(lab)
    code(rebuilt).p_flags |= PF_W
    return vendor, rebuilt


@attack("data made executable", "what the program reads can be run", section="program headers")
def _(lab):
    vendor, rebuilt = plain(lab)
    writable(rebuilt).p_flags |= PF_X
    return vendor, rebuilt


@attack("a segment that maps other bytes of the file", "p_offset one page on", section="program headers")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.segments(PT_LOAD)[2].p_offset -= PAGE
    return vendor, rebuilt


@attack("PT_INTERP reads its path from .comment", "the kernel reads p_offset, not .interp", anomaly="segment-place")
def _(lab):
    pair = []
    for elf, path in zip(plain(lab), (b"/lib64/ld-linux-x86-64.so.2", b"/tmp64/ld-linux-x86-64.so.2")):
        elf = lab.update(elf, ".comment", path + b"\0")
        elf.segment(PT_INTERP).p_offset = elf.section(".comment").sh_offset
        elf.segment(PT_INTERP).p_filesz = len(path) + 1
        pair.append(elf)
    return pair


@attack("PT_GNU_PROPERTY reads from an unloaded section", "its bits switch CET on and off", anomaly="segment-place")
def _(lab):
    pair = []
    for elf, text in zip(plain(lab), (b"GCC: 1234567890123456789012345", b"GCC: 1234567890123456789x12345")):
        elf = lab.update(elf, ".comment", text + b"\0")
        elf.segment(PT_GNU_PROPERTY).p_offset = elf.section(".comment").sh_offset
        pair.append(elf)
    return pair


@attack("PT_NOTE over what is no note section", "a note made of data that the program changes", anomaly="note-section")
def _(lab):
    vendor, rebuilt = roomy(lab)
    for elf, text in ((vendor, b"a" * 20), (rebuilt, b"b" * 20)):
        address, offset = room(elf)
        elf.put(offset, struct.pack("<III4s", 4, 20, 3, b"GNU") + text)
        note = elf.segments(PT_NOTE)[-1]
        note.p_offset, note.p_vaddr, note.p_paddr, note.p_filesz, note.p_memsz = offset, address, address, 36, 36
    return vendor, rebuilt


@attack("a later PT_LOAD maps unloaded bytes over an earlier one", "the later mapping wins", anomaly="segment-order")
def _(lab):
    pair = []
    for elf, text in zip(plain(lab), (b"GCC: (Debian) 12.2.0", b"GCC: (Debian) 12.2.1")):
        elf = lab.update(elf, ".comment", text + b"\0")
        load = elf.segment(PT_GNU_EH_FRAME)
        load.p_type, load.p_flags, load.p_align = PT_LOAD, PF_R, PAGE
        load.p_offset = elf.section(".comment").sh_offset & -PAGE
        load.p_vaddr = load.p_paddr = elf.segments(PT_LOAD)[2].p_vaddr
        load.p_filesz = load.p_memsz = len(elf.data) - load.p_offset
        pair.append(elf)
    return pair


@attack("the zeroed tail filled from .comment, on both sides", "p_filesz reaches over .bss into what follows it")
def _(lab):
    pair = []
    for elf, text in zip(plain(lab), (b"GCC: (Debian) 12.2.0", b"GDC: (Debian) 12.2.0")):
        elf = lab.update(elf, ".comment", text + b"\0")
        writable(elf).p_filesz += 64
        pair.append(elf)
    return pair


@attack("p_filesz raised into .bss", ".bss begins with bytes of the file, not with zeros", anomaly="nobits-over-bytes")
def _(lab):
    vendor, rebuilt = plain(lab)
    writable(rebuilt).p_filesz += 64
    return vendor, rebuilt


@attack("p_memsz raised", "more zeroed memory behind .bss", section="program headers")
def _(lab):
    vendor, rebuilt = plain(lab)
    writable(rebuilt).p_memsz += PAGE
    return vendor, rebuilt


@attack("PT_GNU_EH_FRAME redirected", "the unwinder finds another table, and with it other handlers",
        section="program headers")
def _(lab):
    vendor, rebuilt = roomy(lab)
    address, offset = room(rebuilt)
    rebuilt.put(offset, rebuilt.content(".eh_frame_hdr"))
    frame = rebuilt.segment(PT_GNU_EH_FRAME)
    frame.p_offset, frame.p_vaddr, frame.p_paddr = offset, address, address
    return vendor, rebuilt


@attack("PT_GNU_PROPERTY dropped", "the kernel no longer switches IBT and shadow stack on", section="program headers")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.segment(PT_GNU_PROPERTY).p_type = PT_NULL
    return vendor, rebuilt


@attack("a second PT_DYNAMIC", "ld.so takes the last, tools the first", anomaly="segment-twice")
def _(lab):
    vendor, rebuilt = plain(lab)
    for elf in (vendor, rebuilt):
        dynamic, other = elf.segment(PT_DYNAMIC), elf.segment(PT_GNU_EH_FRAME)
        elf.put(other.offset, bytes(elf.data[dynamic.offset:dynamic.offset + dynamic.size]))
    rebuilt.segments(PT_DYNAMIC)[1].p_filesz -= 16
    return vendor, rebuilt


# ---- ELF header ------------------------------------------------------------------------------------------------------

@attack("the entry point changed", "another function runs first", section="ELF header")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.header.e_entry = rebuilt.symbol("begin").st_value
    return vendor, rebuilt


@attack("e_flags changed", "on ARM ld.so chooses libraries by the float ABI", section="ELF header")
def _(lab):
    vendor, rebuilt = lab.two("-O2", compiler="arm-linux-gnueabihf-gcc")
    rebuilt.header.e_flags ^= 0x400
    return vendor, rebuilt


@attack("EI_OSABI changed", "ld.so refuses a library of another ABI", section="ELF header")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.data[7] = 9
    return vendor, rebuilt


@attack("bytes in the ELF header's padding", "mapped, at the address of the program itself", section="ELF header")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.put(9, CODE)
    return vendor, rebuilt


@attack("e_machine changed", "another kernel or emulator runs it", section="ELF header")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.header.e_machine = 183
    return vendor, rebuilt


@attack("a position-independent program turned into a fixed one", "e_type: without address randomisation",
        section="ELF header")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.header.e_type = ET_EXEC
    return vendor, rebuilt


# ---- The dynamic segment and what it names ---------------------------------------------------------------------------

@attack("DT_RELA points to another table than .rela.dyn", "ld.so relocates by the tag", section=".dynamic")
def _(lab):
    vendor, rebuilt = roomy(lab)
    address, offset = room(rebuilt)
    rebuilt.put(offset, rebuilt.content(".rela.dyn"))
    Record(rebuilt, offset, RELA).r_addend = rebuilt.symbol("other").st_value
    rebuilt.dynamic(DT_RELA).d_val = address
    return vendor, rebuilt


@attack("DT_STRTAB points to another table on both sides", "names of libraries and symbols, .dynstr is a decoy",
        anomaly="dynamic-section", section=".data")
def _(lab):
    vendor, rebuilt = roomy(lab)
    for elf, name in ((vendor, b"libc.so.6"), (rebuilt, b"libx.so.6")):
        address, offset = room(elf)
        elf.put(offset, elf.content(".dynstr").replace(b"libc.so.6", name))
        elf.dynamic(DT_STRTAB).d_val = address
    return vendor, rebuilt


@attack("DT_INIT redirected", "another function runs before main", section=".dynamic")
def _(lab):
    vendor, rebuilt = roomy(lab)
    rebuilt.dynamic(DT_INIT).d_val = rebuilt.symbol("other").st_value
    return vendor, rebuilt


@attack("a library that is needed changed", "ld.so loads another file", section=".dynstr")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.put(rebuilt.data.index(b"libc.so.6"), b"libx.so.6")
    return vendor, rebuilt


@attack("a library that is needed added", "its constructors run")
def _(lab):
    vendor, rebuilt = plain(lab)
    return vendor, lab.tool(rebuilt, "patchelf", "--add-needed", "libevil.so")


@attack("RUNPATH added", "libraries are looked for in a place that others can write")
def _(lab):
    vendor, rebuilt = plain(lab)
    return vendor, lab.tool(rebuilt, "patchelf", "--set-rpath", "/tmp/evil")


@attack("the interpreter changed", "the kernel runs another ld.so")
def _(lab):
    vendor, rebuilt = plain(lab)
    return vendor, lab.tool(rebuilt, "patchelf", "--set-interpreter", "/tmp/ld.so")


@attack("immediate binding switched off", "the GOT is written to while the program runs", section=".dynamic")
def _(lab):
    vendor, rebuilt = lab.two("-O2", "-Wl,-z,now")
    rebuilt.dynamic(DT_FLAGS).d_val = 0
    rebuilt.dynamic(DT_FLAGS_1).d_val &= ~1
    return vendor, rebuilt


@attack("an extra DT_DEBUG in a stripped file", "stripping does not write into .dynamic", section=".dynamic")
def _(lab, armed):
    vendor, rebuilt = plain(lab)
    rebuilt = lab.tool(rebuilt, "strip")
    spare = next(entry for entry in rebuilt.entries(".dynamic", DYN) if entry.d_tag == DT_NULL)
    if armed:
        spare.d_tag = DT_DEBUG
    return vendor, rebuilt


@attack("a constructor added in the source", "code that runs before main", section=".init_array")
def _(lab):
    return lab.build("-O2", source=ROOMY), lab.build("-O2", "-DEXTRA", source=ROOMY)


@attack("a constructor replaced by its relocation", "the addend is what .init_array holds", section=".rela.dyn")
def _(lab):
    vendor, rebuilt = roomy(lab)
    begin, other = rebuilt.symbol("begin").st_value, rebuilt.symbol("other").st_value
    next(entry for entry in rebuilt.entries(".rela.dyn", RELA) if entry.r_addend == begin).r_addend = other
    return vendor, rebuilt


@attack("a call bound to another function", "the symbol of a PLT relocation changed", section=".rela.plt")
def _(lab):
    vendor, rebuilt = plain(lab)
    first, second = rebuilt.entries(".rela.plt", RELA)[:2]
    first.r_info, second.r_info = second.r_info, first.r_info
    return vendor, rebuilt


@attack("the resolver of a static program changed", "an IRELATIVE relocation calls its addend", section=".rela.plt")
def _(lab):
    vendor, rebuilt = lab.two("-O2", "-static")
    first, second = rebuilt.entries(".rela.plt", RELA)[:2]
    first.r_addend = second.r_addend
    return vendor, rebuilt


def library(lab):
    return lab.two("-O2", "-shared", "-fPIC", source=LIBRARY)


@attack("an exported symbol has another address", "callers of the library reach another function", section=".dynsym")
def _(lab):
    vendor, rebuilt = library(lab)
    rebuilt.symbol("first", ".dynsym").st_value = rebuilt.symbol("second", ".dynsym").st_value
    return vendor, rebuilt


@attack("an exported function turned into an IFUNC", "ld.so calls it while it binds", section=".dynsym")
def _(lab):
    vendor, rebuilt = library(lab)
    rebuilt.symbol("first", ".dynsym").st_info = 1 << 4 | 10
    return vendor, rebuilt


@attack("the hash table hides a symbol", "with a cleared bloom filter ld.so passes over it", section=".gnu.hash")
def _(lab):
    vendor, rebuilt = library(lab)
    rebuilt.write(".gnu.hash", 16, bytes(8))
    return vendor, rebuilt


@attack("a symbol's version changed", "another implementation is bound", section=".gnu.version")
def _(lab):
    vendor, rebuilt = plain(lab)
    index, _ = rebuilt.symbol_index("printf", ".dynsym")
    rebuilt.write(".gnu.version", 2 * index, struct.pack("<H", 1))
    return vendor, rebuilt


@attack("the hash of a needed version changed", "ld.so binds by the hash", section=".gnu.version_r")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.flip(".gnu.version_r", 16)
    return vendor, rebuilt


# ---- Loaded content --------------------------------------------------------------------------------------------------

@attack("one instruction changed", "code", section=".text")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.flip(".text", 8)
    return vendor, rebuilt


@attack("a pointer in .data changed", "data", section=".data")
def _(lab):
    vendor, rebuilt = roomy(lab)
    rebuilt.put(room(rebuilt)[1] + 100, b"x")
    return vendor, rebuilt


@attack("the TLS template changed", "each thread begins with it", section=".tdata")
def _(lab):
    vendor, rebuilt = roomy(lab)
    rebuilt.flip(".tdata")
    return vendor, rebuilt


@attack(".eh_frame changed", "the unwinder runs its programs and calls its personality routines", section=".eh_frame")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.flip(".eh_frame", 30)
    return vendor, rebuilt


@attack("IBT and shadow stack switched off in the note", "the kernel and ld.so read the property",
        section=".note.gnu.property")
def _(lab):
    vendor, rebuilt = lab.two("-O2", "-fcf-protection=full")
    rebuilt.flip(".note.gnu.property", 24)
    return vendor, rebuilt


@attack("the ABI tag raised", "ld.so refuses the file on older kernels", section=".note.ABI-tag")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.write(".note.ABI-tag", 20, struct.pack("<III", 9, 9, 9))
    return vendor, rebuilt


# ---- The build ID's rule ---------------------------------------------------------------------------------------------

def with_id(lab, armed, flags, plain_flags=()):
    """Two files that differ in their build ID alone; flags make it one that the rule must refuse."""
    vendor, rebuilt = lab.two("-O2", *(flags if armed else plain_flags))
    change_id(rebuilt)
    return vendor, rebuilt


@attack("a build ID in an executable segment", "its 20 bytes are code that can be jumped to",
        section=".note.gnu.build-id")
def _(lab, armed):
    return with_id(lab, armed, ["-Wl,-z,noseparate-code"])


@attack("an oversized build ID", "40 bytes are no digest that a linker makes", section=".note.gnu.build-id")
def _(lab, armed):
    return with_id(lab, armed, ["-Wl,--build-id=0x" + "5a" * 40], ["-Wl,--build-id=0x" + "5a" * 20])


@attack("a build ID of one byte too few", "19 bytes are no digest", section=".note.gnu.build-id")
def _(lab, armed):
    return with_id(lab, armed, ["-Wl,--build-id=0x" + "5a" * 19], ["-Wl,--build-id=0x" + "5a" * 16])


@attack("two build IDs, one of them with a payload", "the second is anything", section=".note.second")
def _(lab):
    return tuple(lab.build("-O2", f'-DID="{letter * 20}"', source=SECOND_ID) for letter in "ab")


@attack("a writable build ID", "the program can write there, and so use it as its data", section=".note.gnu.build-id")
def _(lab, armed):
    vendor, rebuilt = with_id(lab, armed, [])
    for elf in (vendor, rebuilt):
        if armed:
            elf.segments(PT_LOAD)[0].p_flags |= PF_W
    return vendor, rebuilt


@attack("a payload in the padding of the build ID's note", "mapped, and no part of the ID")
def _(lab, armed):
    vendor, rebuilt = lab.two("-O2", "-shared", "-fPIC", "-nostdlib", "-fcf-protection=none", source=LIBRARY)
    for elf in (vendor, rebuilt):
        note = elf.segment(PT_NOTE)
        if armed:
            note.p_filesz = note.p_memsz = 40
            note.p_align = 8
    change_id(rebuilt)
    if armed:
        rebuilt.put(note.p_offset + 36, b"code")
    return vendor, rebuilt


@attack("a build ID of another owner", "who made it knows what it means", section=".note.gnu.build-id")
def _(lab, armed):
    vendor, rebuilt = with_id(lab, armed, [])
    for elf in (vendor, rebuilt):
        if armed:
            elf.write(".note.gnu.build-id", 12, b"GNV")
    return vendor, rebuilt


@attack("a build ID that a table of the dynamic segment covers", "ld.so reads it as names",
        section=".note.gnu.build-id")
def _(lab, armed):
    vendor, rebuilt = with_id(lab, armed, [])
    for elf in (vendor, rebuilt):
        if armed:
            elf.dynamic(DT_STRTAB).d_val = elf.section(".note.gnu.build-id").sh_addr
    return vendor, rebuilt


@attack("a build ID that runs because of an executable stack", "READ_IMPLIES_EXEC: all that is readable",
        section=".note.gnu.build-id")
def _(lab, armed):
    vendor, rebuilt = with_id(lab, armed, [])
    for elf in (vendor, rebuilt):
        if armed:
            elf.segment(PT_GNU_STACK).p_flags |= PF_X
    return vendor, rebuilt


@attack("a build ID that runs because PT_GNU_STACK is absent", "32-bit kernels then run all that is readable",
        section=".note.gnu.build-id")
def _(lab, armed):
    vendor, rebuilt = lab.two("-O2", compiler="i686-linux-gnu-gcc")
    change_id(rebuilt)
    for elf in (vendor, rebuilt):
        if armed:
            elf.segment(PT_GNU_STACK).p_type = PT_NULL
    return vendor, rebuilt


@attack("a build ID that is a table of prelink's conflicts", "ld.so before 2.36 relocates by it",
        section=".note.gnu.build-id")
def _(lab, armed):
    vendor, rebuilt = lab.two("-O2", compiler="i686-linux-gnu-gcc")
    change_id(rebuilt)
    for elf in (vendor, rebuilt):
        first, second = [entry for entry in elf.entries(".dynamic", DYN) if entry.d_tag == DT_NULL][:2]
        if armed:
            first.d_tag, first.d_val = DT_GNU_CONFLICT, elf.section(".note.gnu.build-id").sh_addr + 16
            second.d_tag, second.d_val = DT_GNU_CONFLICTSZ, 12
    return vendor, rebuilt


@attack("a build ID in a program whose header table is not mapped", "ld.so reads other bytes as program headers",
        anomaly="program-headers-place")
def _(lab, armed):
    vendor, rebuilt = with_id(lab, armed, [])
    for elf in (vendor, rebuilt):
        header = elf.header
        if armed:
            elf.segments()[0].p_type = PT_NULL  # PT_PHDR
            table = bytes(elf.data[header.e_phoff:header.e_phoff + header.e_phnum * header.e_phentsize])
            header.e_phoff = elf.append(table)
    return vendor, rebuilt


def object_with_id(lab, armed, source):
    """An object with a build ID of the letter's; armed, the code uses it."""
    return tuple(lab.build("-c", source=ID_OBJECT.replace("USE", source if armed else "").replace("ID", letter * 20),
                           suffix=".s") for letter in "ab")


@attack("a build ID of an object that its code reads", "a relocation to the section's symbol",
        section=".note.gnu.build-id")
def _(lab, armed):
    return object_with_id(lab, armed, "lea .Lid(%rip), %rax")


@attack("a build ID of an object that has a symbol", "other objects can read it by that name",
        section=".note.gnu.build-id")
def _(lab, armed):
    return object_with_id(lab, armed, ".globl secret\n.set secret, .Lid")


@attack("a build ID of an object that is relocated", "the linker adds to what is there", section=".note.gnu.build-id")
def _(lab, armed):
    return object_with_id(lab, armed, ".section .note.gnu.build-id\n.reloc .Lid, R_X86_64_32, f")


# ---- Payloads in unloaded sections that a rule knows -----------------------------------------------------------------

COMMENT = b"GCC: (Debian 12.2.0-14) 12.2.0\0"


def comment(lab, armed, payload, flags=0):
    """.comment with the payload, on the rebuilt side; its flags on both."""
    pair = []
    for elf, content in zip(plain(lab), (COMMENT, payload if armed else COMMENT.replace(b"12", b"13"))):
        elf = lab.update(elf, ".comment", content)
        if armed:
            elf.section(".comment").sh_flags |= flags
        pair.append(elf)
    return pair


@attack("a payload in .comment that is not text", "code to be read from the file", section=".comment")
def _(lab, armed):
    return comment(lab, armed, COMMENT + CODE + b"\0")


@attack("a payload in .comment without an end", "behind the last string", section=".comment")
def _(lab, armed):
    return comment(lab, armed, COMMENT + b"payload")


@attack("a payload of 100,000 letters in .comment", "no compiler has such a name", section=".comment")
def _(lab, armed):
    return comment(lab, armed, COMMENT + b"QUFB" * 25000 + b"\0")


@attack("an allocated .comment", "no segment maps it, other loaders may", anomaly="section-place", section=".comment")
def _(lab, armed):
    return comment(lab, armed, COMMENT.replace(b"12", b"13"), SHF_ALLOC)


@attack("an executable .comment", "code by its flags, a comment by its name", section=".comment")
def _(lab, armed):
    return comment(lab, armed, COMMENT.replace(b"12", b"13"), SHF_EXECINSTR)


@attack("code in .gnu.prelink_undo", "comparers pass over what prelink may have changed", section=".gnu.prelink_undo")
def _(lab):
    vendor, rebuilt = plain(lab)
    return lab.add(vendor, ".gnu.prelink_undo", bytes(len(CODE))), lab.add(rebuilt, ".gnu.prelink_undo", CODE)


def with_debuglink(lab, armed, change):
    """A debuglink with another CRC, and with the payload."""
    vendor, rebuilt = (lab.add(elf, ".gnu_debuglink", b"prog.dbg\0\0\0\0" + crc)
                       for elf, crc in zip(plain(lab), (b"1234", b"5678")))
    if armed:
        rebuilt = lab.update(rebuilt, ".gnu_debuglink", change(rebuilt.content(".gnu_debuglink")))
    return vendor, rebuilt


@attack("bytes behind the CRC of .gnu_debuglink", "a payload in a section that may differ", section=".gnu_debuglink")
def _(lab, armed):
    return with_debuglink(lab, armed, lambda content: content + CODE)


@attack("bytes in the padding of .gnu_debuglink", "between the name and the CRC", section=".gnu_debuglink")
def _(lab, armed):
    return with_debuglink(lab, armed, lambda content: content[:9] + b"\xcc\xcc\xcc" + content[12:])


@attack("an escape sequence in the name of .gnu_debuglink", "a terminal acts on it", section=".gnu_debuglink")
def _(lab, armed):
    return with_debuglink(lab, armed, lambda content: b"\x1b[2J.dbg" + content[8:])


def minidebug(lab, armed, payload):
    symbols = lab.tool(lab.build("-O2"), "objcopy", "--only-keep-debug")
    stream = lzma.compress(bytes(symbols.data))
    vendor, rebuilt = plain(lab)
    return vendor, lab.add(rebuilt, ".gnu_debugdata", payload(stream) if armed else stream)


@attack("bytes behind the xz stream of .gnu_debugdata", "what decompresses it does not see them",
        section=".gnu_debugdata")
def _(lab, armed):
    return minidebug(lab, armed, lambda stream: stream + CODE)


@attack("an xz stream that holds no ELF file in .gnu_debugdata", "anything, compressed", section=".gnu_debugdata")
def _(lab, armed):
    return minidebug(lab, armed, lambda _: lzma.compress(CODE * 100))


def compressed(lab, armed, payload):
    """.debug_info compressed anew on the rebuilt side, and made worse by the payload."""
    vendor, rebuilt = lab.two("-O2", "-g", "-gz=none")
    section = rebuilt.section(".debug_info")
    content = rebuilt.content(".debug_info")
    header = bytearray(struct.pack("<IIQQ", 1, 0, len(content), 1))
    stream = zlib.compress(content)
    if armed:
        header, stream = payload(header, stream, content)
    rebuilt.move(".debug_info", bytes(header) + stream)
    section.sh_flags |= SHF_COMPRESSED
    return vendor, rebuilt


@attack("bytes behind the stream of a compressed section", "decompressors stop before them", section=".debug_info")
def _(lab, armed):
    return compressed(lab, armed, lambda header, stream, _: (header, stream + CODE))


@attack("a compressed section that states a smaller size", "the rest of its content is not looked at",
        section=".debug_info")
def _(lab, armed):
    return compressed(lab, armed, lambda header, stream, content:
                      (struct.pack("<IIQQ", 1, 0, len(content) - 8, 1), stream))


@attack("a compressed section that states a larger size", "what is behind its content is not defined",
        section=".debug_info")
def _(lab, armed):
    return compressed(lab, armed, lambda header, stream, content:
                      (struct.pack("<IIQQ", 1, 0, len(content) + 8, 1), stream))


@attack("a compressed section that states a size of 1 TiB", "a bomb", section=".debug_info")
def _(lab, armed):
    return compressed(lab, armed, lambda header, stream, _: (struct.pack("<IIQQ", 1, 0, 1 << 40, 1), stream))


@attack("a payload in ch_reserved", "four bytes that no decompressor reads", section=".debug_info")
def _(lab, armed):
    return compressed(lab, armed, lambda header, stream, content:
                      (struct.pack("<IIQQ", 1, 0x90909090, len(content), 1), stream))


def zstd(content):
    return subprocess.run(["zstd", "-q", "-c"], input=content, capture_output=True, check=True).stdout


@attack("a skippable zstd frame in a compressed section", "a frame that every decompressor passes over",
        section=".debug_info")
def _(lab, armed):
    return compressed(lab, armed, lambda header, stream, content:
                      (struct.pack("<IIQQ", 2, 0, len(content), 1),
                       struct.pack("<II", 0x184D2A50, len(CODE)) + CODE + zstd(content)))


@attack("a second zlib stream in a compressed section", "the first one alone gives the content", section=".debug_info")
def _(lab, armed):
    return compressed(lab, armed, lambda header, stream, _: (header, stream + zlib.compress(CODE)))


def debug(lab, armed, name, content):
    """Debug information that differs in paths, and a payload in one of its sections."""
    vendor = lab.build("-O2", "-g")
    rebuilt = lab.build("-O2", "-g", f"-fdebug-prefix-map={lab.root}=/elsewhere")
    return vendor, lab.update(rebuilt, name, content) if armed else rebuilt


@attack("a payload in .debug_info that is no DWARF", "a name is all it has of debug information", section=".debug_info")
def _(lab, armed):
    return debug(lab, armed, ".debug_info", CODE * 20)


@attack("a payload in .debug_abbrev that is no DWARF", "likewise", section=".debug_abbrev")
def _(lab, armed):
    return debug(lab, armed, ".debug_abbrev", b"\xff" * 64)


@attack("a payload behind the last unit of .debug_line", "no unit holds it", section=".debug_line")
def _(lab, armed):
    content = lab.build("-O2", "-g").content(".debug_line")
    return debug(lab, armed, ".debug_line", content + CODE)


@attack("a payload in .debug_str without an end", "behind the last string", section=".debug_str")
def _(lab, armed):
    content = lab.build("-O2", "-g").content(".debug_str")
    return debug(lab, armed, ".debug_str", content + CODE)


@attack("an unknown .debug_ section", "only the names of DWARF are debug information", section=".debug_payload")
def _(lab):
    vendor, rebuilt = plain(lab)
    return vendor, lab.add(rebuilt, ".debug_payload", CODE)


@attack("a second .debug_info", "which of them is it?", section=".debug_info")
def _(lab):
    vendor, rebuilt = lab.two("-O2", "-g")
    rebuilt = lab.add(rebuilt, ".debug_inf2", rebuilt.content(".debug_info"))
    rebuilt.section(".debug_inf2").sh_name = rebuilt.section(".debug_info").sh_name
    return vendor, rebuilt


@attack("an executable .debug_info", "code by its flags, debug information by its name", section=".debug_info")
def _(lab):
    vendor, rebuilt = lab.two("-O2", "-g")
    for elf in (vendor, rebuilt):
        elf.section(".debug_info").sh_flags |= SHF_EXECINSTR
    rebuilt.flip(".debug_info", 30)
    return vendor, rebuilt


@attack("a note of the gold linker with a payload", "a name is all it has of such a note",
        section=".note.gnu.gold-version")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt = lab.add(rebuilt, ".note.gnu.gold-version", struct.pack("<III4s", 4, 8, 4, b"GNU") + CODE + b"\xcc")
    rebuilt.section(".note.gnu.gold-version").sh_type = SHT_NOTE
    return vendor, rebuilt


def orphan(lab, armed, table, unname):
    """A string whose only user has lost it; armed, it is another one."""
    vendor, rebuilt = plain(lab)
    offset = rebuilt.section(table).sh_offset
    name = unname(rebuilt, armed)
    if armed:
        rebuilt.put(offset + name, b"\xcc\xcc\xcc\xcc")
    return vendor, rebuilt


@attack("a payload in .strtab that is no symbol's name", "a table of names hides it", section=".strtab")
def _(lab, armed):
    def unname(elf, armed):
        symbol = elf.symbol("counter")
        name = symbol.st_name
        if armed:
            symbol.st_name = 0
        return name
    return orphan(lab, armed, ".strtab", unname)


@attack("a payload in .shstrtab that is no section's name", "likewise", section=".shstrtab")
def _(lab, armed):
    def unname(elf, armed):
        section = elf.section(".comment")
        name = section.sh_name
        if armed:
            section.sh_name = elf.section(".strtab").sh_name
        return name
    return orphan(lab, armed, ".shstrtab", unname)


@attack("a payload in the padding between unloaded sections", "no section has it", section="padding")
def _(lab, armed):
    vendor, rebuilt = plain(lab)
    rebuilt = lab.update(rebuilt, ".comment", COMMENT)
    section = rebuilt.section(".comment")
    if armed:
        rebuilt.put(section.sh_offset + section.sh_size, b"\xcc")
    return vendor, rebuilt


@attack("an unknown unloaded section", "a program finds it in its own file", section=".payload")
def _(lab):
    vendor, rebuilt = plain(lab)
    return vendor, lab.add(rebuilt, ".payload", CODE)


# ---- Objects: what a linker acts on ----------------------------------------------------------------------------------

def objects(lab, *flags):
    return lab.two("-O2", "-c", *flags, source=OBJECT)


def relocation(elf, symbol):
    index, _ = elf.symbol_index(symbol)
    return next(entry for entry in elf.entries(".rela.text", RELA) if entry.r_info >> 32 == index)


@attack("a call in an object goes to another function", "the relocation's symbol", section=".rela.text")
def _(lab):
    vendor, rebuilt = objects(lab)
    other, _ = rebuilt.symbol_index("allowed")
    entry = relocation(rebuilt, "refused")
    entry.r_info = other << 32 | entry.r_info & 0xffffffff
    return vendor, rebuilt


@attack("an addend in an object changed", "the call ends up four bytes on", section=".rela.text")
def _(lab):
    vendor, rebuilt = objects(lab)
    relocation(rebuilt, "refused").r_addend ^= 4
    return vendor, rebuilt


@attack("a relocation's type in an object changed", "absolute in the place of relative", section=".rela.text")
def _(lab):
    vendor, rebuilt = objects(lab)
    entry = relocation(rebuilt, "refused")
    entry.r_info = entry.r_info >> 32 << 32 | 10
    return vendor, rebuilt


@attack("relocations of an object applied to another section", "sh_info names it")
def _(lab):
    vendor, rebuilt = objects(lab)
    rebuilt.section(".rela.text").sh_info = rebuilt.index(".data")
    return vendor, rebuilt


@attack("a symbol of an object made weak", "another definition takes its place", section=".symtab")
def _(lab):
    vendor, rebuilt = objects(lab)
    rebuilt.symbol("check").st_info = 2 << 4 | 2
    return vendor, rebuilt


@attack("a symbol of an object made visible", "others can take its place", section=".symtab")
def _(lab):
    vendor, rebuilt = objects(lab, "-fvisibility=hidden")
    rebuilt.symbol("check").st_other = 0
    return vendor, rebuilt


@attack("a symbol of an object has another value", "calls reach another function", section=".symtab")
def _(lab):
    vendor, rebuilt = objects(lab)
    rebuilt.symbol("check").st_value = rebuilt.symbol("second").st_value
    return vendor, rebuilt


@attack("a symbol of an object renamed", "the call binds to another function", section=".strtab")
def _(lab):
    vendor, rebuilt = objects(lab)
    strings = rebuilt.section(".strtab")
    rebuilt.put(strings.sh_offset + rebuilt.symbol("refused").st_name, b"granted")
    return vendor, rebuilt


@attack("the stack made executable by an object", "the flag of .note.GNU-stack decides for the whole program",
        section="section headers")
def _(lab):
    vendor, rebuilt = objects(lab)
    rebuilt.section(".note.GNU-stack").sh_flags |= SHF_EXECINSTR
    return vendor, rebuilt


@attack("a section of an object made writable", "constants that can be changed", section="section headers")
def _(lab):
    vendor, rebuilt = objects(lab)
    rebuilt.section(".rodata.str1.1").sh_flags ^= SHF_WRITE | SHF_MERGE
    return vendor, rebuilt


@attack("a section of an object typed NOBITS", "the linker fills it with zeros", section="section headers")
def _(lab):
    vendor, rebuilt = objects(lab)
    rebuilt.section(".data").sh_type = SHT_NOBITS
    return vendor, rebuilt


@attack("the alignment of an object's section changed", "code at another place, misaligned data",
        section="section headers")
def _(lab):
    vendor, rebuilt = objects(lab)
    rebuilt.section(".data").sh_addralign = 1
    return vendor, rebuilt


@attack("the section header table of an object moved, the old one left", "the linker goes by e_shoff")
def _(lab):
    vendor, rebuilt = objects(lab)
    evil = bytearray(rebuilt.content(".text"))
    evil[0] = 0xcc
    header = rebuilt.header
    table = bytes(rebuilt.data[header.e_shoff:header.e_shoff + header.e_shnum * header.e_shentsize])
    place = rebuilt.append(evil)
    header.e_shoff = rebuilt.append(table)
    rebuilt.section(".text").sh_offset = place
    return vendor, rebuilt


@attack("a COMDAT group made an ordinary one", "the linker keeps both copies", section=".group")
def _(lab):
    vendor, rebuilt = lab.two("-c", source=COMDAT, suffix=".s")
    rebuilt.write(".group", 0, bytes(4))
    return vendor, rebuilt


@attack("the intermediate code of an object changed", "with -flto it is what becomes the program", section=".gnu.lto_")
def _(lab):
    vendor, rebuilt = objects(lab, "-flto", "-ffat-lto-objects")
    name = next(name for name in map(rebuilt.name, rebuilt.sections()) if name.startswith(".gnu.lto_check"))
    rebuilt.flip(name, 40)
    return vendor, rebuilt


@attack("bytes between the sections of an object", "no section has them")
def _(lab, armed):
    vendor, rebuilt = objects(lab)
    for elf in (vendor, rebuilt):
        elf.append(bytes(8), 1)
        elf.move(".comment", elf.content(".comment"))
        if armed and elf is rebuilt:
            elf.put(elf.section(".comment").sh_offset - 4, b"\xcc\xcc")
    return vendor, rebuilt


def referring(lab, section, reference, armed):
    """An object with a string in a section that a rule knows; armed, its code refers to it."""
    source = f'.section {section},"MS",@progbits,1\nsecret: .string "STRING"\n.text\nf: movl $1, %eax\n'
    return tuple(lab.build("-c", source=source.replace("STRING", letter * 20) + (reference if armed else ""),
                           suffix=".s") for letter in "ab")


@attack("code of an object refers to its .debug_str", "a module can read it while it is loaded",
        section=".debug_str")
def _(lab, armed):
    return referring(lab, ".debug_str", "movl $secret, %eax\n", armed)


@attack("code of an object refers to its .comment", "likewise", section=".comment")
def _(lab, armed):
    return referring(lab, ".comment", "movl $secret, %eax\n", armed)


@attack("a global symbol in the .debug_str of an object", "others can refer to it", section=".debug_str")
def _(lab, armed):
    return referring(lab, ".debug_str", ".globl secret\n", armed)


# ---- Kernel modules --------------------------------------------------------------------------------------------------

def modules(lab):
    return lab.two("-O2", "-c", "-mcmodel=kernel", "-fno-pic", source=MODULE)


@attack("the licence of a kernel module changed", ".modinfo decides which symbols it may use", section=".modinfo")
def _(lab):
    vendor, rebuilt = modules(lab)
    rebuilt.write(".modinfo", 8, b"BSD")
    return vendor, rebuilt


@attack("a version of a kernel module's symbols changed", "__versions lets it into another kernel",
        section="__versions")
def _(lab):
    vendor, rebuilt = modules(lab)
    rebuilt.flip("__versions", 64)
    return vendor, rebuilt


@attack("the name in a kernel module's structure changed", "this_module is what the kernel registers",
        section=".gnu.linkonce.this_module")
def _(lab):
    vendor, rebuilt = modules(lab)
    rebuilt.write(".gnu.linkonce.this_module", 8, b"evil")
    return vendor, rebuilt


@attack("the init function of a kernel module changed", "its relocation is what the kernel calls",
        section=".rela.gnu.linkonce.this_module")
def _(lab):
    vendor, rebuilt = modules(lab)
    first, second = rebuilt.entries(".rela.gnu.linkonce.this_module", RELA)
    first.r_info, first.r_addend = second.r_info, second.r_addend
    return vendor, rebuilt


@attack("the appended signature of a kernel module changed", "the kernel checks it", section="overlay")
def _(lab):
    vendor, rebuilt = modules(lab)
    for elf, digest in ((vendor, b"\xaa" * 64), (rebuilt, b"\xab" * 64)):
        elf.data += digest + struct.pack(">BBBBB3xI", 0, 0, 2, 0, 0, len(digest)) + b"~Module signature appended~\n"
    return vendor, rebuilt


@attack("the appended signature of a kernel module dropped", "without it the kernel refuses or taints",
        section="overlay")
def _(lab):
    vendor, rebuilt = modules(lab)
    vendor.data += b"\xaa" * 64 + struct.pack(">BBBBB3xI", 0, 0, 2, 0, 0, 64) + b"~Module signature appended~\n"
    return vendor, rebuilt


# ---- ld.so's own arithmetic: it takes any number for an offset -------------------------------------------------------

@attack("a build ID that is the name of a needed library", "ld.so adds DT_NEEDED to DT_STRTAB, be it negative",
        section=".note.gnu.build-id")
def _(lab, armed):
    pair = plain(lab)
    for elf, name in zip(pair, (b"liba.so.1", b"libb.so.1")):
        elf.write(".note.gnu.build-id", 16, name.ljust(20, b"\0"))
        spare = next(entry for entry in elf.entries(".dynamic", DYN) if entry.d_tag == DT_NULL)
        if armed:
            note, names = elf.section(".note.gnu.build-id").sh_addr, elf.dynamic(DT_STRTAB).d_val
            spare.d_tag, spare.d_val = DT_NEEDED, (note + 16 - names) % 2**64
    return pair


@attack("a build ID behind a string table of a small stated size", "ld.so does not look at DT_STRSZ",
        section="segment")
def _(lab, armed):
    pair = plain(lab)
    for elf, name in zip(pair, (b"liba.so.1", b"libb.so.1")):
        elf.write(".note.gnu.build-id", 16, name.ljust(20, b"\0"))
        if armed:
            elf.dynamic(DT_STRTAB).d_val, elf.dynamic(DT_STRSZ).d_val = 0, 1
            elf.dynamic(DT_NEEDED).d_val = elf.section(".note.gnu.build-id").sh_addr + 16
            elf.header.e_shoff = elf.header.e_shnum = elf.header.e_shstrndx = 0
    return pair


@attack("a build ID that is a GOT", "ld.so takes the place of the PLT from it, in what was prelinked",
        section=".note.gnu.build-id")
def _(lab, armed):
    vendor, rebuilt = with_id(lab, armed, [])
    for elf in (vendor, rebuilt):
        if armed:
            elf.dynamic(DT_PLTGOT).d_val = elf.section(".note.gnu.build-id").sh_addr + 16
    return vendor, rebuilt


@attack("a build ID that is a chain of the hash table", "a bucket below the table's first symbol leads down to it",
        section=".note.gnu.build-id")
def _(lab, armed):
    vendor, rebuilt = with_id(lab, armed, ["-Wl,--hash-style=gnu", "-rdynamic"])
    for elf in (vendor, rebuilt):
        if armed:
            table = elf.section(".gnu.hash").sh_offset
            count, first, words, _ = struct.unpack_from("<4I", elf.data, table)
            chains = elf.section(".gnu.hash").sh_addr + 16 + 8 * words + 4 * count
            index = first - (chains - elf.section(".note.gnu.build-id").sh_addr - 16) // 4
            far = first + 0x10000  # so that the difference stays positive
            elf.put(table + 4, struct.pack("<I", far))
            elf.put(table + 16 + 8 * words, struct.pack("<I", far - first + index))
    return vendor, rebuilt


# ---- Segments that ld.so reads at their address, however long they are in the file -----------------------------------

@attack("a build ID that is the unwinder's table", "PT_GNU_EH_FRAME of no bytes: the unwinder goes by p_vaddr",
        section=".note.gnu.build-id")
def _(lab, armed):
    vendor, rebuilt = with_id(lab, armed, [])
    for elf in (vendor, rebuilt):
        if armed:
            frame = elf.segment(PT_GNU_EH_FRAME)
            frame.p_vaddr = frame.p_paddr = elf.section(".note.gnu.build-id").sh_addr + 16
            frame.p_filesz = 0
    return vendor, rebuilt


@attack("a build ID that is a property", "PT_GNU_PROPERTY of no bytes: ld.so goes by p_vaddr and p_memsz",
        section=".note.gnu.build-id")
def _(lab, armed):
    vendor, rebuilt = with_id(lab, armed, [])
    for elf in (vendor, rebuilt):
        if armed:
            segment = elf.segment(PT_GNU_PROPERTY)
            segment.p_vaddr = segment.p_paddr = elf.section(".note.gnu.build-id").sh_addr + 16
            segment.p_filesz, segment.p_memsz = 0, 16
    return vendor, rebuilt


@attack("a build ID in a program that mistakes its load address", "ld.so reckons it from p_vaddr of PT_PHDR",
        anomaly="segment-place")
def _(lab, armed):
    vendor, rebuilt = with_id(lab, armed, [])
    for elf in (vendor, rebuilt):
        if armed:
            header = elf.segments()[0]
            header.p_vaddr, header.p_filesz = header.p_vaddr + PAGE, 0
    return vendor, rebuilt


@attack("notes of another alignment than 4", "readers differ in where the next note begins",
        section=".note.gnu.build-id")
def _(lab, armed):
    vendor, rebuilt = with_id(lab, armed, [])
    for elf in (vendor, rebuilt):
        note = elf.segments(PT_NOTE)[1]
        if armed:
            note.p_align = 16
    return vendor, rebuilt


# ---- Two readings of one header --------------------------------------------------------------------------------------

def twin_reading(entries):
    """A program of class 32 for its readers, of class 64 for the x86-64 kernel, which does not look at EI_CLASS."""
    def segment(flags, offset):
        return struct.pack("<IIQQQQQQ", PT_LOAD, flags, offset, 0x10000400000 + offset, 0x10000400000 + offset,
                           0x1000, 0x1000, 0x1000)
    data = bytearray(0x5000)
    data[:16] = b"\x7fELF\x01\x01\x01" + bytes(9)
    table = 0x4800
    struct.pack_into("<HHI", data, 16, ET_EXEC, 62, 1)
    struct.pack_into("<IIIIHHHHHH", data, 24, 0x401000, 0x100, table, 0, 52, 32, 3, 40, 3, 2)
    struct.pack_into("<HH", data, 52, 0, 56)   # e_ehsize, e_phentsize of class 64
    struct.pack_into("<H", data, 56, 1)        # e_phnum of class 64
    for index, (kind, offset, size, flags) in enumerate(((PT_LOAD, 0, 0x1000, PF_R), (PT_GNU_STACK, 0, 0, PF_R | PF_W),
                                                         (PT_LOAD, 0x1000, 0x2000, PF_R | PF_X))):
        struct.pack_into("<IIIIIIII", data, 0x100 + 32 * index, kind, offset, 0x400000 + offset, 0x400000 + offset,
                         size, size, flags, 0x1000)
    data[0x1000:0x1007] = bytes.fromhex("31ff6a3c580f05")              # exit(0)
    data[0x2000:0x200a] = bytes.fromhex("bf010000006a3c580f05")        # exit(1)
    # Class 64: one PT_LOAD over the null section and the next. Class 32: null, SHT_NULL, .shstrtab.
    data[table:table + 56] = struct.pack("<IIQQQQQQ", PT_LOAD, PF_R | PF_X, entries, 0x10000401000, 0x10000401000,
                                         0x1000, 0x1000, 0x1000)
    struct.pack_into("<IIIIIIIIII", data, table + 80, 0x1001, 3, 0, 0, 0x3000, 0x1100, 0, 0, 1, 0)
    data[0x3000 + 0x1001:0x3000 + 0x1001 + 10] = b".shstrtab\0"
    return Elf(data[:table + 120])


@attack("a file of class 32 for a machine of 64 bits", "the kernel goes by e_machine and reads another header",
        anomaly="two-classes", section="section headers")
def _(lab):
    return twin_reading(0x1000), twin_reading(0x2000)


@attack("a section header table of a machine that Linux does not know", "who loads the file may go by sections")
def _(lab, armed):
    vendor, rebuilt = lab.two("-O2", compiler="aarch64-linux-gnu-gcc")
    rebuilt.symbol("begin").st_value += 4
    for elf in (vendor, rebuilt):
        if armed:
            elf.header.e_machine = 190  # EM_CUDA: its loader finds functions by sections and symbols
    return vendor, rebuilt


@attack("the strings of .dynamic are another table", "Android's ld.so takes library names by sh_link",
        anomaly="dynamic-section")
def _(lab):
    vendor, rebuilt = plain(lab)
    rebuilt.section(".dynamic").sh_link = rebuilt.index(".strtab")
    return vendor, rebuilt


@attack("relocations that stay name other symbols", "tools relocate by what --emit-relocs left", section=".symtab")
def _(lab, armed):
    vendor, rebuilt = lab.two("-O2", *(["-Wl,-q"] if armed else []))
    rebuilt.symbol("begin").st_value += 1
    return vendor, rebuilt


@attack("code behind the zeroed tail of a segment that runs", "ld.so zeroes up to p_memsz, not to the page's end")
def _(lab):
    pair = lab.two("-O2", "-shared", "-fPIC", source=LIBRARY)
    for elf, text in zip(pair, (b"1", b"2")):
        elf.write(".comment", 10, text)
        writable(elf).p_flags |= PF_X
    return pair


@attack("a script in .debug_gdb_scripts", "gdb runs the text of it", section=".debug_gdb_scripts")
def _(lab, armed):
    vendor, rebuilt = plain(lab)
    return vendor, lab.add(rebuilt, ".debug_gdb_scripts",
                           b"\4x\nimport os\0" if armed else b"\1x.py\0")


# ---- What a linker or the module loader makes of sections by their names ---------------------------------------------

@attack("a build ID of an object that goes by another name", "the module loader takes .modinfo by its name",
        section=".modinfo")
def _(lab, armed):
    name = ".modinfo" if armed else ".note.gnu.build-id"
    source = ID_OBJECT.replace("USE", "").replace(".note.gnu.build-id", name)
    ids = (f"\\0license={text}" + 8 * "\\0" for text in ("GPL", "BSD"))
    return tuple(lab.build("-c", source=source.replace('"ID"', f'"{text}"'), suffix=".s") for text in ids)


@attack("code of an object holds the size of its .debug_str", "ld defines .sizeof. and the name of any section",
        section=".debug_str")
def _(lab, armed):
    pair = referring(lab, ".debug_str", "movl $.sizeof..debug_str, %eax\n", armed)
    return pair


@attack("a loaded section of an object with the name of a debug section", "ld puts both into one, which is loaded",
        section=".debug_str")
def _(lab, armed):
    def one(text):
        source = (f'.section .debug_str,"MS",@progbits,1\n.string "{text}"\n.section .other,"a",@progbits\n'
                  'f: .string "loaded"\n.text\nmovl f + 7, %eax\n')
        elf = lab.build("-c", source=source, suffix=".s")
        if armed:
            elf.section(".other").sh_name = elf.section(".debug_str").sh_name
        return elf
    return one("a" * 20), one("b" * 20)


@attack("relocations of an object in a form that is not known", "SHT_CREL: lld applies them", section=".debug_str")
def _(lab, armed):
    pair = referring(lab, ".debug_str", "movl $secret, %eax\n", True)
    for elf in pair:
        section = elf.section(".rela.text")
        if armed:
            section.sh_type, section.sh_entsize = 0x40000014, 1
        else:
            section.sh_type = 3
    return pair


@attack("intermediate code of an object that is compressed", "the linker's plugin does not decompress it")
def _(lab):
    vendor, rebuilt = objects(lab, "-flto", "-ffat-lto-objects")
    content = rebuilt.content(".gnu.lto_.opts")
    rebuilt.move(".gnu.lto_.opts", struct.pack("<IIQQ", 1, 0, len(content), 1) + zlib.compress(content))
    rebuilt.section(".gnu.lto_.opts").sh_flags |= SHF_COMPRESSED
    return vendor, rebuilt
