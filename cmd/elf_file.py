"""An ELF file that tests take apart and change: its own small reading of the gABI, of either class and byte order.

It shares nothing with libcompare or libelf, so that what it finds is a second opinion. Fields are named as in the
gABI and written back where they stand: elf.header.e_entry += 4, elf.section(".text").sh_type = SHT_NOBITS.
"""
import struct

ET_REL, ET_EXEC, ET_DYN = 1, 2, 3
PT_NULL, PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE, PT_PHDR, PT_TLS = 0, 1, 2, 3, 4, 6, 7
PT_GNU_EH_FRAME, PT_GNU_STACK, PT_GNU_RELRO, PT_GNU_PROPERTY = 0x6474e550, 0x6474e551, 0x6474e552, 0x6474e553
PF_X, PF_W, PF_R = 1, 2, 4
SHT_NULL, SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_RELA, SHT_NOTE, SHT_NOBITS, SHT_REL = 0, 1, 2, 3, 4, 7, 8, 9
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR, SHF_MERGE, SHF_COMPRESSED = 1, 2, 4, 0x10, 0x800

# A letter is a field's width: H 2 bytes, I 4, N 4 or 8 by the class, B 1.
EHDR = ("e_type H e_machine H e_version I e_entry N e_phoff N e_shoff N e_flags I e_ehsize H e_phentsize H e_phnum H "
        "e_shentsize H e_shnum H e_shstrndx H")
PHDR = {64: "p_type I p_flags I p_offset N p_vaddr N p_paddr N p_filesz N p_memsz N p_align N",
        32: "p_type I p_offset N p_vaddr N p_paddr N p_filesz N p_memsz N p_flags I p_align N"}
SHDR = ("sh_name I sh_type I sh_flags N sh_addr N sh_offset N sh_size N sh_link I sh_info I sh_addralign N "
        "sh_entsize N")
SYM = {64: "st_name I st_info B st_other B st_shndx H st_value N st_size N",
       32: "st_name I st_value N st_size N st_info B st_other B st_shndx H"}
RELA = "r_offset N r_info N r_addend N"
DYN = "d_tag N d_val N"
CHDR = {64: "ch_type I ch_reserved I ch_size N ch_addralign N", 32: "ch_type I ch_size N ch_addralign N"}


class Record:
    """A structure of the file; its fields are read and written in place."""

    def __init__(self, elf, offset, layout):
        fields, words = {}, (layout if isinstance(layout, str) else layout[elf.bits]).split()
        at = offset
        for name, width in zip(words[::2], words[1::2]):
            code = {"N": "Q" if elf.bits == 64 else "I"}.get(width, width)
            fields[name] = (at, elf.order + code)
            at += struct.calcsize("=" + code)
        self.__dict__.update(elf=elf, offset=offset, size=at - offset, fields=fields)

    def __getattr__(self, name):
        try:
            at, code = self.__dict__["fields"][name]
        except KeyError:
            raise AttributeError(name) from None
        return struct.unpack_from(code, self.elf.data, at)[0]

    def __setattr__(self, name, value):
        at, code = self.fields[name]
        struct.pack_into(code, self.elf.data, at, value)


class Elf:
    def __init__(self, data):
        self.data = bytearray(data)
        if self.data[:4] != b"\x7fELF":
            raise ValueError("not an ELF file")
        self.bits = {1: 32, 2: 64}[self.data[4]]
        self.order = {1: "<", 2: ">"}[self.data[5]]
        self.header = Record(self, 16, EHDR)

    # ---- Tables ----

    def table(self, offset, count, layout):
        records = []
        for _ in range(count):
            records.append(Record(self, offset, layout))
            offset += records[-1].size
        return records

    def segments(self, kind=None):
        every = self.table(self.header.e_phoff, self.header.e_phnum, PHDR)
        return [segment for segment in every if kind is None or segment.p_type == kind]

    def segment(self, kind, flags=None):
        return next(segment for segment in self.segments(kind) if flags is None or segment.p_flags == flags)

    def sections(self):
        if self.header.e_shoff == 0:
            return []
        first = Record(self, self.header.e_shoff, SHDR)
        return self.table(self.header.e_shoff, self.header.e_shnum or first.sh_size, SHDR)

    def name(self, section):
        names = self.sections()[self.header.e_shstrndx]
        return self.string(names.sh_offset + section.sh_name)

    def section(self, name):
        return next(section for section in self.sections() if self.name(section) == name)

    def index(self, name):
        return next(index for index, section in enumerate(self.sections()) if self.name(section) == name)

    def string(self, offset):
        return self.data[offset:self.data.index(0, offset)].decode("latin-1")

    def entries(self, name, layout):
        section = self.section(name)
        one = Record(self, section.sh_offset, layout).size
        return self.table(section.sh_offset, section.sh_size // one, layout)

    def symbol(self, name, table=".symtab"):
        return self.symbol_index(name, table)[1]

    def symbol_index(self, name, table=".symtab"):
        strings = self.sections()[self.section(table).sh_link].sh_offset
        return next((index, symbol) for index, symbol in enumerate(self.entries(table, SYM))
                    if self.string(strings + symbol.st_name) == name)

    def dynamic(self, tag):
        return next(entry for entry in self.entries(".dynamic", DYN) if entry.d_tag == tag)

    # ---- Bytes ----

    def content(self, name):
        section = self.section(name)
        return bytes(self.data[section.sh_offset:section.sh_offset + section.sh_size])

    def write(self, name, at, content):
        section = self.section(name)
        assert at + len(content) <= section.sh_size
        self.put(section.sh_offset + at, content)

    def flip(self, name, at=0):
        self.data[self.section(name).sh_offset + at] ^= 1

    def put(self, offset, content):
        self.data[offset:offset + len(content)] = content

    def append(self, content, alignment=16):
        self.data += bytes(-len(self.data) % alignment)
        self.data += content
        return len(self.data) - len(content)

    def move(self, name, content):
        """Another content for a section, at the file's end; zeros where it was."""
        section = self.section(name)
        self.put(section.sh_offset, bytes(section.sh_size))
        section.sh_offset = self.append(content)
        section.sh_size = len(content)

    def offset_of(self, address):
        """The file offset that is mapped at an address."""
        return next(address - segment.p_vaddr + segment.p_offset for segment in self.segments(PT_LOAD)
                    if segment.p_vaddr <= address < segment.p_vaddr + segment.p_filesz)
