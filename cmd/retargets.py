"""References of a linked file, made to lead elsewhere: of x86-64 calls, jumps, addresses of data, pointers and entries of
jump tables; on other machines bits of instructions, and words, halfwords and bytes that become their neighbours'. Each
change is one that a shift of code and data does not make, and that `moved` must never cover.

What stands where is read from objdump and readelf, not from what is tried here.
"""
import re
import struct
import subprocess

from elf_file import Elf, SHF_ALLOC, SHF_EXECINSTR

R_RELATIVE, R_JUMP_SLOT, R_GLOB_DAT = 8, 7, 6


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


class Retarget:
    """One change: these bytes at this offset, and what it does."""

    def __init__(self, kind, offset, new, told):
        self.kind, self.offset, self.new, self.told = kind, offset, new, told

    def apply(self, data):
        return data[:self.offset] + self.new + data[self.offset + len(self.new):]


class Section:
    """A header's fields, read once."""

    def __init__(self, record):
        for field in ("sh_type", "sh_flags", "sh_addr", "sh_offset", "sh_size"):
            setattr(self, field, getattr(record, field))


class Program:
    """named: the same program with its symbols, where this one is stripped."""

    def __init__(self, path, named=None):
        self.path = path
        with open(path, "rb") as file:
            self.bytes = file.read()
        self.sections = [Section(section) for section in Elf(self.bytes).sections()
                         if section.sh_flags & SHF_ALLOC and section.sh_addr]
        self.functions = self._functions(named or path)
        self.calls, self.jumps, self.leas, self.starts = [], [], [], []
        self._disassemble(named or path)

    def offset(self, address):
        for section in self.sections:
            if section.sh_type != 8 and section.sh_addr <= address < section.sh_addr + section.sh_size:
                return section.sh_offset + address - section.sh_addr
        return None

    def section_at(self, address):
        for section in self.sections:
            if section.sh_addr <= address < section.sh_addr + section.sh_size:
                return section
        return None

    @staticmethod
    def _functions(path):
        found = {}
        for line in output("nm", "--defined-only", "-S", path).splitlines():
            fields = line.split()
            if len(fields) == 4 and fields[2] in "tTwW" and int(fields[1], 16) > 8:
                found[int(fields[0], 16)] = int(fields[1], 16)
        return sorted(found.items())

    def _disassemble(self, path):
        """Relative operands, by the bytes that stand there: opcode and length are checked against them."""
        for line in output("objdump", "-d", "--wide", "-j", ".text", path).splitlines():
            match = re.match(r"\s+([0-9a-f]+):\t((?:[0-9a-f]{2} )+)\s*(.*)", line)
            if not match:
                continue
            address, code, text = int(match[1], 16), bytes.fromhex(match[2]), match[3]
            self.starts.append(address)
            end = address + len(code)
            if code[0] == 0xe8 and len(code) == 5:
                self.calls.append((address + 1, 4, end, struct.unpack("<i", code[1:])[0] + end))
            elif (code[0] == 0xe9 and len(code) == 5) or (code[0] == 0x0f and code[1] & 0xf0 == 0x80):
                self.jumps.append((end - 4, 4, end, struct.unpack("<i", code[-4:])[0] + end))
            elif (code[0] == 0xeb or code[0] & 0xf0 == 0x70) and len(code) == 2:
                self.jumps.append((end - 1, 1, end, struct.unpack("<b", code[-1:])[0] + end))
            elif "(%rip)" in text:
                target = re.search(r"# ([0-9a-f]+)", text)
                field = struct.pack("<i", int(target[1], 16) - end) if target else None
                if field and code.count(field) == 1:
                    self.leas.append((address + code.index(field), 4, end, int(target[1], 16)))
        self.starts = sorted(set(self.starts))

    def relocations(self):
        for section in self.sections:
            if section.sh_type != 4:
                continue
            for at in range(section.sh_offset, section.sh_offset + section.sh_size, 24):
                place, info, addend = struct.unpack_from("<QQq", self.bytes, at)
                yield at, place, info, addend

    # ---- Changes ----

    def _site(self, rng, kind, sites, targets):
        for _ in range(200):
            address, size, end, old = rng.choice(sites)
            new = rng.choice(targets)
            offset, distance = self.offset(address), new - end
            if new == old or offset is None or not -(1 << (8 * size - 1)) <= distance < 1 << (8 * size - 1):
                continue
            return Retarget(kind, offset, distance.to_bytes(size, "little", signed=True),
                            f"{address:#x}: {old:#x} becomes {new:#x}")
        return None

    def call(self, rng):
        return self._site(rng, "call", self.calls, [begin for begin, _ in self.functions])

    def jump(self, rng):
        """To another instruction nearby, as a crafted branch would."""
        site = rng.choice(self.jumps)
        near = [start for start in self.starts if abs(start - site[3]) < 400]
        return self._site(rng, "jump", [site], near) if near else None

    def data(self, rng):
        """To what another instruction refers to, or a little beside."""
        sites = [site for site in self.leas if self.offset(site[3]) is not None]
        targets = [site[3] for site in sites] + [site[3] + rng.choice((-8, -4, 4, 8, 16)) for site in sites]
        return self._site(rng, "data", sites, targets)

    def pointer(self, rng):
        """The addend of one relocation becomes that of another, or a little more."""
        relative = [entry for entry in self.relocations() if entry[2] == R_RELATIVE]
        for _ in range(200 if relative else 0):
            at, place, info, addend = rng.choice(relative)
            new = rng.choice(relative)[3] if rng.random() < 0.7 else addend + rng.choice((-8, -1, 1, 8))
            if new != addend:
                return Retarget("pointer", at + 16, struct.pack("<q", new),
                                f"*{place:#x}: {addend:#x} becomes {new:#x}")
        return None

    def binding(self, rng):
        """What one slot is bound to becomes what another is."""
        bound = [entry for entry in self.relocations() if entry[2] & 0xffffffff in (R_JUMP_SLOT, R_GLOB_DAT)]
        for _ in range(200 if len(bound) > 1 else 0):
            (at, place, info, _), (_, _, other, _) = rng.choice(bound), rng.choice(bound)
            if info & 0xffffffff == other & 0xffffffff and info != other:
                return Retarget("binding", at + 8, struct.pack("<Q", other), f"*{place:#x}: symbol {other >> 32}")
        return None

    def table(self, rng):
        """An entry of a jump table becomes its neighbour's: 32-bit distances from the table to code."""
        tables = []
        for _, _, _, target in self.leas:
            section = self.section_at(target)
            if section is None or section.sh_flags & SHF_EXECINSTR or section.sh_type == 8:
                continue
            entries = []
            while len(entries) < 64 and target + 4 * len(entries) + 4 <= section.sh_addr + section.sh_size:
                value = struct.unpack_from("<i", self.bytes, self.offset(target) + 4 * len(entries))[0]
                place = self.section_at(target + value)
                if place is None or not place.sh_flags & SHF_EXECINSTR or target + value not in self._start_set():
                    break
                entries.append(value)
            if len(set(entries)) > 2:
                tables.append((target, entries))
        for _ in range(200 if tables else 0):
            target, entries = rng.choice(tables)
            index, new = rng.randrange(len(entries)), rng.choice(entries)
            if new != entries[index]:
                return Retarget("table", self.offset(target) + 4 * index, struct.pack("<i", new),
                                f"{target:#x}[{index}]: {target + entries[index]:#x} becomes {target + new:#x}")
        return None

    def _start_set(self):
        if not hasattr(self, "_starts"):
            self._starts = set(self.starts)
        return self._starts

    KINDS = ("call", "jump", "data", "pointer", "binding", "table")

    def retarget(self, rng, kind):
        return getattr(self, kind)(rng)


class Foreign:
    """A file of whatever machine: its instructions are not told apart, nor what is a reference and what is not."""

    KINDS = ("instruction", "word", "halfword", "byte")
    APART = (7, 8) # notes, .bss

    def __init__(self, path, named=None):
        with open(path, "rb") as file:
            self.bytes = file.read()
        sections = [section for section in Elf(self.bytes).sections()
                    if section.sh_flags & SHF_ALLOC and section.sh_type not in self.APART and section.sh_size >= 16]
        self.code = [section for section in sections if section.sh_flags & SHF_EXECINSTR]
        self.data = [section for section in sections if not section.sh_flags & SHF_EXECINSTR]

    def instruction(self, rng):
        section = rng.choices(self.code, [section.sh_size for section in self.code])[0]
        offset = section.sh_offset + rng.randrange(section.sh_size)
        new = bytes([self.bytes[offset] ^ 1 << rng.randrange(8)])
        return Retarget("instruction", offset, new, f"{section.sh_addr + offset - section.sh_offset:#x}")

    def _neighbour(self, rng, kind, size):
        """Of any section alike, small tables as large ones."""
        section = rng.choice(self.data + self.code)
        for _ in range(200):
            offset = section.sh_offset + rng.randrange(section.sh_size // size) * size
            other = offset + rng.choice((-2, -1, 1, 2)) * size
            new = self.bytes[other:other + size]
            inside = section.sh_offset <= other and max(other, offset) + size <= section.sh_offset + section.sh_size
            if inside and new != self.bytes[offset:offset + size]:
                return Retarget(kind, offset, new, f"{section.sh_addr + offset - section.sh_offset:#x}")
        return None

    def word(self, rng):
        return self._neighbour(rng, "word", 4)

    def halfword(self, rng):
        return self._neighbour(rng, "halfword", 2)

    def byte(self, rng):
        return self._neighbour(rng, "byte", 1)

    def retarget(self, rng, kind):
        return getattr(self, kind)(rng)


def references_of(path, named=None):
    with open(path, "rb") as file:
        header = file.read(20)
    return (Program if header[18:20] == b"\x3e\0" and header[4] == 2 else Foreign)(path, named)


def unexplained(report):
    return sum(report["tally"][side]["unexplained"] for side in ("vendor", "rebuilt"))


def accepted(report, change, before=None):
    """Whether a report of (vendor, changed rebuilt) lets the change pass: none of its changed bytes is unexplained. Where
    the report without the change is given, it can show elsewhere: a page at what is added to it, a name of a symbol
    at its slot."""
    begin, end = change.offset, change.offset + len(change.new)
    if report["verdict"] in ("equivalent", "identical"):
        return True
    if before is not None and unexplained(report) > unexplained(before):
        return False
    return not any(finding["standing"] == "unexplained" and finding["rebuilt"] and
                   finding["rebuilt"]["offset"] < end and
                   begin < finding["rebuilt"]["offset"] + finding["rebuilt"]["size"]
                   for finding in report["findings"])
