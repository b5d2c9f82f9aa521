"""The measuring part of scripts/moved: programs, edits, pairs, and what is told of them."""
import argparse
import collections
import json
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

# Sources that compile file by file, without a configuration: what is compiled, where, and with which flags.
PROGRAMS = {
    "lua5.4": ("src/*.c", ["-DLUA_USE_POSIX"], ["-lm"], {"luac.c"}),
    "bzip2": ("*.c", ["-D_FILE_OFFSET_BITS=64"], [], {"bzip2recover.c", "dlltest.c", "mk251.c", "spewG.c", "unzcrash.c"}),
    "zlib": ("*.c test/minigzip.c", ["-DHAVE_UNISTD_H", "-D_LARGEFILE64_SOURCE=1"], [], set()),
    "libzstd": ("lib/*/*.c programs/*.c", ["-DZSTD_DISABLE_ASM", "-DZSTD_LEGACY_SUPPORT=0", "-Ilib", "-Ilib/common"], [],
                set()),
    "tinyxml2": ("tinyxml2.cpp xmltest.cpp", [], [], set()),
    "lz4": ("lib/*.c programs/*.c", ["-Ilib", "-DXXH_NAMESPACE=LZ4_"], [], set()),
}
C_BUILDS = {
    "gcc -O0": ["gcc", "-O0"], "gcc -O2": ["gcc", "-O2"], "gcc -Os": ["gcc", "-Os"],
    "gcc -O2 -flto": ["gcc", "-O2", "-flto"], "gcc -O2 -no-pie": ["gcc", "-O2", "-fno-pie", "-no-pie"],
    "clang -O0": ["clang", "-O0"], "clang -O2": ["clang", "-O2"], "clang -O2 lld": ["clang", "-O2", "-fuse-ld=lld"],
    "i386 -O2": ["i686-linux-gnu-gcc", "-O2"],
    "aarch64 -O0": ["aarch64-linux-gnu-gcc", "-O0"], "aarch64 -O2": ["aarch64-linux-gnu-gcc", "-O2"],
    "aarch64 -Os": ["aarch64-linux-gnu-gcc", "-Os"],
    "arm -O0": ["arm-linux-gnueabihf-gcc", "-O0"], "arm -O2": ["arm-linux-gnueabihf-gcc", "-O2"],
    "arm -Os": ["arm-linux-gnueabihf-gcc", "-Os"], "arm -O2 -marm": ["arm-linux-gnueabihf-gcc", "-O2", "-marm"],
    "mips -O0": ["mips-linux-gnu-gcc", "-O0"], "mips -O2": ["mips-linux-gnu-gcc", "-O2"],
    "mips -Os": ["mips-linux-gnu-gcc", "-Os"],
    "powerpc -O0": ["powerpc-linux-gnu-gcc", "-O0"], "powerpc -O2": ["powerpc-linux-gnu-gcc", "-O2"],
    "powerpc -Os": ["powerpc-linux-gnu-gcc", "-Os"],
}
# References of these are made to lead elsewhere.
RETARGETED = ("gcc -O0", "gcc -O2", "clang -O2", "gcc -Os", "gcc -O2 -flto", "aarch64 -O2", "arm -O0", "arm -O2",
              "arm -O2 -marm", "mips -O2", "powerpc -O0", "powerpc -O2")
EDITS = ("string", "statement", "new function", "removed function", "order")


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/moved")
    parser.add_argument("--top", required=True, type=pathlib.Path)
    parser.add_argument("--elftally", required=True)
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--edits", type=int, default=1)
    parser.add_argument("--retargets", type=int, default=500)
    parser.add_argument("--only", default="")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("names", nargs="*", default=list(PROGRAMS))
    return parser.parse_args()


# ---- Sources ----

def fetch(name, where):
    """The upstream source, as the archive has it; the machine's own list of it, with sources."""
    found = [path for path in where.glob("*/") if (path / ".fetched").exists()]
    if found:
        return found[0]
    where.mkdir(parents=True, exist_ok=True)
    parts = where / "parts"
    parts.mkdir(exist_ok=True)
    for path in pathlib.Path("/etc/apt/sources.list.d").glob("*.sources"):
        text = path.read_text()
        if "debian-archive-keyring" in text:
            (parts / path.name).write_text(re.sub("(?m)^Types:.*", "Types: deb deb-src", text))
    lists = where / "lists"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    own = ["-o", f"Dir::Etc::sourceparts={parts}", "-o", f"Dir::State::lists={lists}", "-o", "APT::Sandbox::User=root", "-q"]
    subprocess.run(["apt-get", *own, "update"], check=True, capture_output=True)
    subprocess.run(["apt-get", *own, "source", "--download-only", name], cwd=where, check=True, capture_output=True)
    archive = next(path for path in where.glob("*.orig.tar.*") if not path.name.endswith(".asc"))
    subprocess.run(["tar", "xf", archive], cwd=where, check=True)
    source = next(path for path in where.iterdir() if path.is_dir() and path not in (parts, lists))
    (source / ".fetched").touch()
    return source


def files_of(name, source):
    patterns, _, _, without = PROGRAMS[name]
    return sorted(path for pattern in patterns.split() for path in source.glob(pattern) if path.name not in without)


# ---- Edits ----

def functions(text):
    """Where bodies of functions at the left margin begin."""
    return [match.end() for match in re.finditer(r"(?m)^[A-Za-z_][^;{}#=]*\)\s*(?:const\s*)?\{", text)]


def edited(kind, text, rng):
    """The text with one edit; None where there is no place for it."""
    if kind == "string":
        strings = [match for match in re.finditer(r'(?<!include )"([A-Za-z][A-Za-z ,:]{6,60})"', text)]
        if not strings:
            return None
        chosen = rng.choice(strings)
        return text[:chosen.start(1)] + "A longer " + text[chosen.start(1):]
    places = functions(text)
    if not places:
        return None
    if kind == "statement":
        at = rng.choice(places)
        return text[:at] + " { static volatile int edited; edited = edited * 3 + 1; } " + text[at:]
    # Behind the end of another function: a brace at the left margin.
    ends = [match.end() for match in re.finditer(r"(?m)^\}[ \t]*\n", text)]
    if not ends:
        return None
    at = rng.choice(ends)
    linkage = 'extern "C" ' if "#include <cstdio>" in text or "::" in text else ""
    return (text[:at] + f"\n{linkage}int added_function(int x);\n{linkage}int added_function(int x)\n"
            "{ int i, sum = 0; for (i = 0; i < x; i++) sum += i * x; return sum; }\n" + text[at:])


# ---- Building ----

class Program:
    def __init__(self, name, source, build, command, here):
        self.name, self.source, self.build, self.here = name, source, build, here
        _, flags, self.libraries, _ = PROGRAMS[name]
        self.command = [*command]
        if name == "tinyxml2":
            self.command[0] = command[0].replace("gcc", "g++").replace("clang", "clang++")
        self.flags = [flag.replace("-I", f"-I{source}/", 1) if flag.startswith("-I") else flag for flag in flags]
        self.files = files_of(name, source)
        here.mkdir(parents=True, exist_ok=True)

    def compile(self, path, text, target):
        """-g: that lines can be told; debug information is set aside."""
        changed = path.parent / f".edited-{os.getpid()}{path.suffix}" if text is not None else path
        if text is not None:
            changed.write_text(text, encoding="latin-1")
        try:
            compiler = [word for word in self.command if not word.startswith("-fuse-ld")]
            ran = subprocess.run([*compiler, "-g", "-w", "-fno-ident", *self.flags, f"-I{self.source}", "-c", changed,
                                  "-o", target], capture_output=True)
        finally:
            if text is not None:
                changed.unlink()
        return ran.returncode == 0

    def objects(self):
        made = []
        for path in self.files:
            target = self.here / f"{path.parent.name}-{path.stem}.o"
            if not target.exists() and not self.compile(path, None, target):
                return None
            made.append(target)
        return made

    def link(self, objects, target):
        link = [word for word in self.command if word != "-c"]
        ran = subprocess.run([*link, *objects, "-o", target, *self.libraries], capture_output=True)
        return ran.returncode == 0


def code_of(path, objdump):
    """The functions of an object by name, with what they refer to by name: an opinion of its own on what changed."""
    text = subprocess.run([objdump, "-dr", "--no-show-raw-insn", path], capture_output=True, text=True).stdout
    found, name = {}, None
    for line in text.splitlines():
        match = re.match(r"[0-9a-f]+ <(.+)>:$", line)
        if match and match[1].startswith(".L"):
            continue # a label within a function
        if match:
            name = match[1]
            found[name] = []
        elif line.startswith("Disassembly"):
            name = None
        elif name is not None and line.strip():
            line = re.sub(r"^\s*[0-9a-f]+:\s*", "", line)
            line = re.sub(r"\.(ro)?data\S*|\.L\S+|\.text\S*|\.bss\S*", "DATA", line)
            line = re.sub(r"-?0x[0-9a-f]+\(%rip\)", "(%rip)", line)
            line = re.sub(r"\b[0-9a-f]+ (<[^>]+>)", r"\1", line)
            # Where within the function a branch leads changes with its size, which is seen in the number of lines.
            found[name].append(re.sub(r"<[^>+]+\+0x[0-9a-f]+>", "<inside>", line).strip())
    for lines in found.values():
        while lines and ("nop" in lines[-1] or lines[-1] == "..." or "xchg" in lines[-1]):
            lines.pop()
    return found


def changed_code(before, after, command):
    prefix = re.match(r"(.*-)?(gcc|g\+\+|clang|clang\+\+)$", command[0])[1] or ""
    a, b = code_of(before, prefix + "objdump"), code_of(after, prefix + "objdump")
    return {name for name in set(a) | set(b) if a.get(name) != b.get(name)}


# ---- Unwinding ----

def unwind_records(path):
    """(begin, end in the file, address of the code) of each FDE in .eh_frame, as GNU tools write it (LSB, 10.6.1)."""
    from elf_file import Elf
    data = pathlib.Path(path).read_bytes()
    order, wide = "<>"[data[5] - 1], data[4] == 2
    elf = Elf(data)
    for section in elf.sections():
        if elf.name(section) != ".eh_frame":
            continue
        address, offset, size = section.sh_addr, section.sh_offset, section.sh_size
        encodings, end = {}, offset + size
        begin = offset
        while begin + 8 <= end:
            length, back = struct.unpack_from(order + "Ii", data, begin)
            if length == 0:
                break
            if back == 0: # a CIE: version, augmentation, factors and return register of a byte each, then the augmentation's
                augmentation = data[begin + 9:data.index(b"\0", begin + 9)]
                at = begin + 9 + len(augmentation) + 1 + 3 + 1
                for letter in augmentation[1:]:
                    if letter == ord("R"):
                        encodings[begin] = data[at]
                    at += {ord("R"): 1, ord("L"): 1, ord("P"): 1 + (8 if data[at] & 0xf in (0, 4, 12) and wide else 4),
                           ord("S"): 0}[letter]
            else:
                encoding = encodings[begin + 4 - back]
                whole = encoding & 0xf in (0, 4, 12) and wide
                word, = struct.unpack_from(order + ("q" if whole else "i"), data, begin + 8)
                code = word + (address + begin + 8 - offset if encoding & 0x70 == 0x10 else 0)
                yield begin, begin + 4 + length, code & (2 ** 64 - 1 if wide else 2 ** 32 - 1)
            begin += 4 + length


# ---- Comparing ----

def compare(options, vendor, rebuilt, *more):
    ran = subprocess.run([options.elftally, "-p", "semantic", "-f", "json", *more, vendor, rebuilt], capture_output=True,
                         text=True)
    if ran.returncode > 1:
        sys.exit(f"moved: {vendor} {rebuilt}: {ran.stderr.strip()}")
    return json.loads(ran.stdout)


def plain(name):
    """Without what compilers add, and demangled as the reports are."""
    return re.sub(r"\.(constprop|isra|part|cold|lto_priv|llvm)(\.\d+)?.*", "", name or "?")


def demangled(names):
    if not names:
        return set()
    told = subprocess.run(["c++filt"], input="\n".join(sorted(names)), capture_output=True, text=True).stdout
    return {plain(name) for name in told.splitlines()}


class Score:
    """What follows from an edit: bytes that are loaded, differ or have moved, and are not of the edited functions."""

    def __init__(self):
        self.moved = self.left = 0
        self.worst = (1.0, "")
        self.told = self.right = self.wanted = 0
        self.pairs = self.not_tried = 0

    def add(self, vendor, report, expected, label):
        moved = report["moved"]
        if moved is None:
            return # nothing that is loaded differs: the edit was in what is not compiled
        self.pairs += 1
        if "not_tried" in moved:
            self.not_tried += 1
            return
        # What changed has bytes of its own: those of its functions, and how these are unwound.
        own = [(side["offset"], side["offset"] + side["size"]) for change in moved["changed"] if not change["equal"]
               for side in [change["vendor"]] if side]
        text = next(section["vendor"] for section in report["sections"] if section["name"] == ".text")
        bias = int(text["address"], 16) - text["offset"]
        own += [(begin, end) for begin, end, code in unwind_records(vendor)
                if any(first <= code - bias < last for first, last in own)]
        proven = sum(report["tally"]["vendor"]["by_rule"].get(f"moved-{rule}", 0)
                     for rule in ("code", "data", "tables", "unwind", "headers"))
        loaded = {section["name"] for section in report["sections"]
                  if (section["vendor"] or section["rebuilt"]).get("address") not in (None, "0")}
        left = 0
        for finding in report["findings"]:
            side = finding["vendor"]
            if finding["standing"] != "unexplained" or not side or finding["section"] not in loaded or \
                    finding["section"].startswith((".note", ".gnu_debug")):
                continue
            if not any(begin <= side["offset"] < end for begin, end in own):
                left += side["size"]
        self.moved += proven
        self.left += left
        share = proven / (proven + left) if proven + left else 1.0
        self.worst = min(self.worst, (share, label))
        if expected is not None:
            told = {plain(side["symbol"]) for change in moved["changed"] if not change["equal"]
                    for side in [change["vendor"] or change["rebuilt"]]}
            wanted = demangled(expected)
            self.told += len(told)
            self.wanted += len(wanted)
            self.right += len(told & wanted)
            if told != wanted and len(told ^ wanted) < 40:
                print(f"    {label}: told {sorted(told - wanted)}, not told {sorted(wanted - told)}")

    def shown(self):
        share = self.moved / (self.moved + self.left) if self.moved + self.left else 1.0
        functions = f"{self.right} of {self.told} told, {self.right} of {self.wanted} changed" if self.wanted else "-"
        return f"{100 * share:.2f} % of {self.moved + self.left:,} | {100 * self.worst[0]:.2f} % ({self.worst[1]}) | {functions}"


def strip(path, command):
    prefix = re.match(r"(.*-)?(gcc|g\+\+|clang|clang\+\+)$", command[0])[1] or ""
    target = path.with_name(path.name + "-stripped")
    subprocess.run([prefix + "strip", path, "-o", target], check=True)
    return target


def pairs_of(options, program, rng):
    """(kind, vendor, rebuilt, functions that changed or None)"""
    if shutil.which(program.command[0]) is None:
        return # Debian has no such compiler among those of the cross builds
    objects = program.objects()
    base = program.here / "base"
    if objects is None or not program.link(objects, base):
        print(f"    {program.name}, {program.build}: cannot be built")
        return
    for kind in EDITS:
        for number in range(options.edits):
            target = program.here / f"{kind.replace(' ', '-')}-{number}"
            if kind == "order":
                other = objects[:]
                rng.shuffle(other)
                if program.link(other, target):
                    yield kind, base, target, set()
                continue
            for _ in range(20):
                index = rng.randrange(len(program.files))
                text = edited(kind, program.files[index].read_text(encoding="latin-1"), rng)
                changed = program.here / f"{target.name}.o"
                if text is not None and program.compile(program.files[index], text, changed) and \
                        program.link(objects[:index] + [changed] + objects[index + 1:], target):
                    lto = "-flto" in program.command
                    expected = None if lto else changed_code(objects[index], changed, program.command)
                    yield (kind, target, base, expected) if kind == "removed function" else (kind, base, target, expected)
                    break


def measure_programs(options, here):
    shifted = []
    rng = random.Random(options.seed)
    print("build | named: proven of what follows | worst pair | functions called changed | stripped: proven | worst | "
          "equivalent by another order")
    for build, command in C_BUILDS.items():
        if not re.search(options.only, build):
            continue
        named, stripped, order = Score(), Score(), [0, 0]
        for name in options.names:
            program = Program(name, fetch(name, here / "sources" / name), build, command,
                              here / "built" / name / re.sub(r"\W+", "-", build))
            for kind, vendor, rebuilt, expected in pairs_of(options, program, rng):
                report = compare(options, vendor, rebuilt)
                named.add(vendor, report, expected, f"{name}, {kind}")
                bare = [strip(path, command) for path in (vendor, rebuilt)]
                stripped.add(bare[0], compare(options, *bare, "--explain", "all"), None, f"{name}, {kind}")
                if kind == "order":
                    order[0] += report["verdict"] in ("equivalent", "identical")
                    order[1] += 1
                elif build in RETARGETED:
                    shifted.append((vendor, rebuilt, *bare))
        left = [part for part in (named.not_tried and f"{named.not_tried} not tried",) if part]
        print(f"{build} ({named.pairs} pairs) | {named.shown()} | {stripped.shown().rsplit(' | ', 1)[0]} | {order[0]} of {order[1]}"
              f"{' | ' + ', '.join(left) if left else ''}", flush=True)
    return shifted


# ---- References that lead elsewhere ----

def retarget(options, shifted, here):
    """Whether none passes."""
    from retargets import Foreign, accepted, references_of
    rng = random.Random(options.seed + 1000)
    tried, passed, read, before = collections.Counter(), [], {}, {}
    while shifted and sum(tried.values()) < options.retargets:
        vendor, rebuilt, vendor_stripped, rebuilt_stripped = rng.choice(shifted)
        bare = rng.random() < 0.5
        key = (rebuilt, bare)
        if key not in read:
            read[key] = references_of(str(rebuilt_stripped if bare else rebuilt), str(rebuilt))
            pair = (vendor_stripped, rebuilt_stripped) if bare else (vendor, rebuilt)
            before[key] = compare(options, *pair, "--explain", "none") if isinstance(read[key], Foreign) else None
        kind = rng.choice(read[key].KINDS)
        change = read[key].retarget(rng, kind)
        if change is None:
            continue
        crafted = here / "crafted"
        crafted.write_bytes(change.apply(read[key].bytes))
        report = compare(options, vendor_stripped if bare else vendor, crafted, "--explain", "none")
        tried[kind] += 1
        if accepted(report, change, before[key]):
            passed.append(f"{rebuilt}{' stripped' if bare else ''}: {kind}, {change.told}")
    print(f"references that lead elsewhere: {sum(tried.values())} tried ({dict(tried)}), {len(passed)} passed")
    for line in passed:
        print(f"    {line}")
    return not passed


# ---- A large file ----

def large(options, here):
    from packages import measure
    libraries = sorted(pathlib.Path("/usr/lib/llvm-14/lib").glob("libLLVM*.a"))
    pair = []
    for side, body in (("vendor", "return x * 3;"),
                       ("rebuilt", "for (int i = 0; i < x; i++) x += i * i; return (x * 3) ^ ((x >> 3) * 77);")):
        source, target = here / f"{side}.c", here / f"{side}.so"
        source.write_text(f"int first(int x) {{ {body} }}\nconst char *text(void) {{ return \"of the {side} side\"; }}\n")
        subprocess.run(["gcc", "-O1", "-fPIC", "-c", source, "-o", source.with_suffix(".o")], check=True)
        subprocess.run(["g++", "-shared", "-fuse-ld=lld", "-Wl,-z,undefs", "-o", target, source.with_suffix(".o"),
                        "-Wl,--whole-archive", *libraries, "-Wl,--no-whole-archive"], check=True, capture_output=True)
        pair.append(strip(target, ["gcc"]))
    size = pair[0].stat().st_size
    for more in ([], ["--explain", "none"]):
        taken = measure([options.elftally, "-p", "semantic", *more, *map(str, pair)], 600, here / "told")
        print(f"{size:,} bytes{' ' + ' '.join(more) if more else ''}: {taken.seconds:.2f} s, {taken.processor:.2f} s of "
              f"the processor, {taken.peak / 1e6:.0f} MB")
    print((here / "told").read_text(encoding="latin-1").splitlines()[0])


def main():
    options = arguments()
    sys.path.insert(0, str(options.top / "cmd"))
    with tempfile.TemporaryDirectory() as temporary:
        here = options.keep or pathlib.Path(temporary)
        here.mkdir(parents=True, exist_ok=True)
        if options.large:
            large(options, here)
            return 0
        shifted = measure_programs(options, here)
        return 0 if retarget(options, shifted, here) else 1


if __name__ == "__main__":
    sys.exit(main())
