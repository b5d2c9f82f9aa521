"""The part of scripts/flips that flips: subjects, an own reading of what is loaded, counts for each rule."""
import argparse
import collections
import glob
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

from elf_file import (ET_REL, PF_W, PT_LOAD, PT_NOTE, PT_NULL, SHF_ALLOC, SHT_NOBITS, SHT_REL, SHT_RELA, SHT_SYMTAB,
                      Elf)

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMPILED = [
    ("gcc", "-O2"), ("gcc", "-O2", "-g"), ("gcc", "-O2", "-static"), ("gcc", "-O2", "-g", "-c"), ("clang", "-O2"),
    ("clang", "-O2", "-g", "-fuse-ld=lld"), ("gcc", "-O2", "-fuse-ld=gold"), ("i686-linux-gnu-gcc", "-O2"),
    ("aarch64-linux-gnu-gcc", "-O2", "-g"), ("aarch64-linux-gnu-gcc", "-O2", "-static"),
    ("arm-linux-gnueabihf-gcc", "-O2"), ("arm-linux-gnueabihf-gcc", "-O2", "-g", "-c"), ("mips-linux-gnu-gcc", "-O2"),
    ("mips-linux-gnu-gcc", "-O2", "-static"), ("powerpc-linux-gnu-gcc", "-O2", "-g"),
    ("riscv64-linux-gnu-gcc", "-O2"), ("riscv64-linux-gnu-gcc", "-O2", "-g", "-static"),
]
SYSTEM = ["/usr/bin/ls", "/usr/lib/x86_64-linux-gnu/libz.so.1", "/usr/aarch64-linux-gnu/lib/libm.so.6",
          "/usr/powerpc-linux-gnu/lib/ld.so.1", "/usr/riscv64-linux-gnu/lib/libm.so.6"]


def subjects(here):
    found = []
    for index, command in enumerate(COMPILED):
        path = here / f"subject-{index}"
        subprocess.run([*command, "-o", path, ROOT / "testdata/small.c"], check=True, capture_output=True)
        found.append((" ".join(command), path.read_bytes()))
    for pattern in SYSTEM:
        found += [(path, pathlib.Path(path).read_bytes()) for path in glob.glob(pattern)]
    return found


def page_size(machine):
    """The largest that Linux can be built with: x86, x86-64 and RISC-V have 4 KiB, PowerPC up to 256."""
    return {3: 4096, 62: 4096, 243: 4096, 20: 262144}.get(machine, 65536)


def loaded(elf):
    """Ranges that the kernel or ld.so maps or reads; of an object, those that a linker acts on."""
    header = elf.header
    ranges = [(0, header.e_ehsize), (header.e_phoff, header.e_phoff + header.e_phnum * header.e_phentsize)]
    if header.e_type == ET_REL:
        sections = elf.sections()
        for section in sections:
            relocates = section.sh_type in (SHT_REL, SHT_RELA) and sections[section.sh_info].sh_flags & SHF_ALLOC
            if section.sh_type != SHT_NOBITS and (section.sh_flags & SHF_ALLOC or relocates or
                                                  section.sh_type == SHT_SYMTAB):
                ranges.append((section.sh_offset, section.sh_offset + section.sh_size))
        return ranges
    page = page_size(header.e_machine)
    for segment in elf.segments():
        begin, end = segment.p_offset, segment.p_offset + segment.p_filesz
        if segment.p_type == PT_LOAD:
            begin -= begin % page
            if not (segment.p_memsz > segment.p_filesz and segment.p_flags & PF_W):
                end += -end % page
        if segment.p_type != PT_NULL:
            ranges.append((begin, end))
    return ranges


def build_ids(elf):
    """The descriptors of the build-ID notes, by PT_NOTE; in an object, which has none, nothing."""
    found = []
    for segment in elf.segments(PT_NOTE):
        at, end, unit = segment.p_offset, segment.p_offset + segment.p_filesz, 8 if segment.p_align == 8 else 4
        while at + 12 <= end:
            name, size, kind = struct.unpack_from(elf.order + "III", elf.data, at)
            descriptor = at + (12 + name + unit - 1) // unit * unit
            if kind == 3 and elf.data[at + 12:at + 12 + name] == b"GNU\0":
                found.append((descriptor, descriptor + size))
            at = descriptor + (size + unit - 1) // unit * unit
    return found


def header_fields(elf):
    """e_shoff, and e_shentsize to e_shstrndx."""
    at = {name: place for name, (place, _) in elf.header.fields.items()}
    return [(at["e_shoff"], at["e_flags"]), (at["e_shentsize"], at["e_shstrndx"] + 2)]


def choose(data, chance):
    """Anywhere; one in eight among the headers and notes, of which a large file would show next to nothing."""
    return chance.randrange(min(1024, len(data)) if chance.randrange(8) == 0 else len(data))


def inside(ranges, offset):
    return any(begin <= offset < end for begin, end in ranges)


class Flips:
    def __init__(self, program, here):
        self.program, self.here = program, here
        self.rules, self.verdicts, self.wrong = collections.Counter(), collections.Counter(), []

    def rule_at(self, report, offset):
        """The rule that set the byte aside on both sides, where it may."""
        rules = {extent["rule"] for side in ("vendor", "rebuilt") for extent in report["extents"][side]
                 if extent["begin"] <= offset < extent["end"]}
        return rules.pop() if len(rules) == 1 else None

    def flip(self, name, elf, offset, mask):
        changed = bytearray(elf.data)
        changed[offset] ^= mask
        (self.here / "rebuilt").write_bytes(changed)
        result = subprocess.run([self.program, "-f", "json", self.here / "vendor", self.here / "rebuilt"],
                                capture_output=True, timeout=120)
        what = f"{name}: byte {offset:#x} xor {mask:#x}"
        if result.returncode not in (0, 1, 2):
            self.wrong.append(f"{what}: exit {result.returncode}")
            return
        report = json.loads(result.stdout)
        self.verdicts[report["verdict"]] += 1
        if result.returncode != 0:
            return
        rule = self.rule_at(report, offset)
        record = inside(header_fields(elf) + build_ids(elf), offset)
        self.rules[f"{rule}, {'a record in' if record else 'outside'} the load view"] += 1
        if rule is None or (inside(loaded(elf), offset) and not record):
            self.wrong.append(f"{what}: {report['verdict']} by {rule}")

    def subject(self, name, data, count, chance):
        elf = Elf(data)
        (self.here / "vendor").write_bytes(data)
        before = self.verdicts.copy()
        for _ in range(count):
            self.flip(name, elf, choose(data, chance), chance.randrange(1, 256))
        made = self.verdicts - before
        print(f"{name:55} machine {elf.header.e_machine:3} {len(data):9,} bytes {count:4} flips: "
              + ", ".join(f"{number} {verdict}" for verdict, number in sorted(made.items())), flush=True)


def main():
    parser = argparse.ArgumentParser(prog="scripts/flips")
    parser.add_argument("count", nargs="?", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--elftally", required=True)
    options = parser.parse_args()
    print(f"seed {options.seed}")
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as where:
        flips = Flips(options.elftally, pathlib.Path(where))
        every = subjects(flips.here)
        for index, (name, data) in enumerate(every):
            share = options.count * (index + 1) // len(every) - options.count * index // len(every)
            flips.subject(name, data, share, chance)
    print(f"\n{sum(flips.verdicts.values())} flips in {len(every)} files: "
          + ", ".join(f"{number} {verdict}" for verdict, number in flips.verdicts.most_common()))
    for rule, number in flips.rules.most_common():
        print(f"  {number:5} set aside by {rule}")
    for line in flips.wrong:
        print(f"WRONG {line}")
    print(f"{len(flips.wrong)} wrongly judged equal")
    return 1 if flips.wrong else 0


sys.exit(main())
