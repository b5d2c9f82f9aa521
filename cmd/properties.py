"""Properties that hold for every honest ELF file, tried on those of this machine and on what its toolchains make.

- A copy is identical, and an honest file has no anomaly.
- compare(A, B) mirrors compare(B, A): the same verdict, the tallies swapped. B is A after strip, objcopy, dwz and
  patchelf, which are honest too. (Files of debug information alone, which nothing loads, have anomalies.)
- The normal form is a fixed point, and equal to its file.

Usage: properties.py ELFTALLY SOURCE_ROOT [COUNT] [--seed N]
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

from elf_file import ET_DYN, ET_EXEC, ET_REL, Elf

SIZE_LIMIT = 8 << 20  # bytes; larger files would take most of the time
WHERE = ["/usr/bin", "/usr/sbin", "/usr/lib", "/usr/libexec", "/usr/aarch64-linux-gnu", "/usr/arm-linux-gnueabihf",
         "/usr/i686-linux-gnu", "/usr/mips-linux-gnu", "/usr/powerpc-linux-gnu", "/usr/riscv64-linux-gnu"]

# Of e_machine: whose binutils understand the file.
BINUTILS = {3: "i686-linux-gnu-", 62: "", 183: "aarch64-linux-gnu-", 40: "arm-linux-gnueabihf-", 8: "mips-linux-gnu-",
            20: "powerpc-linux-gnu-", 243: "riscv64-linux-gnu-"}
LINKED, ANY = (ET_EXEC, ET_DYN), (ET_REL, ET_EXEC, ET_DYN)
CHANGES = [
    ("strip", ANY, ["{p}strip", "-o", "{out}", "{in}"]),
    ("strip -g", ANY, ["{p}strip", "-g", "-o", "{out}", "{in}"]),
    ("objcopy --compress-debug-sections", ANY, ["{p}objcopy", "--compress-debug-sections", "{in}", "{out}"]),
    ("objcopy --only-keep-debug", LINKED, ["{p}objcopy", "--only-keep-debug", "{in}", "{out}"]),
    ("eu-strip", ANY, ["eu-strip", "-o", "{out}", "{in}"]),
    ("llvm-strip", LINKED, ["llvm-strip", "-o", "{out}", "{in}"]),
    ("dwz", LINKED, ["dwz", "-o", "{out}", "{in}"]),
    ("patchelf without a change", LINKED, ["patchelf", "--remove-rpath", "--output", "{out}", "{in}"]),
    ("patchelf --set-rpath", LINKED, ["patchelf", "--set-rpath", "/opt/lib", "--output", "{out}", "{in}"]),
]

# Programs in the languages whose compilers may be here; those that are not are passed over.
SOURCES = {
    "small.rs": 'fn main() { println!("{}", std::env::args().count()); }\n',
    "small.pas": "program small; begin writeln('tally'); end.\n",
    "small.adb": 'with Ada.Text_IO; procedure Small is begin Ada.Text_IO.Put_Line ("tally"); end Small;\n',
    "small.f90": "program small\n print *, 'tally'\nend program\n",
    "small.cc": '#include <iostream>\n#include <map>\nint main() { std::map<int, int> m; m[1] = 2; '
                'std::cout << m.size() << std::endl; }\n',
    "small.hs": 'main = putStrLn "tally"\n',
    "small.go": 'package main\nfunc main() { println("tally") }\n',
}
LINKERS = [[], ["-fuse-ld=bfd"], ["-fuse-ld=gold"], ["-fuse-ld=lld"]]
TOOLCHAINS = [
    *(["gcc", *flags, *linker, "small.c", "-o", "out"] for linker in LINKERS
      for flags in (["-O2", "-g"], ["-O2", "-static"], ["-O2", "-no-pie"], ["-O2", "-shared", "-fPIC", "-g"],
                    ["-O2", "-Wl,-z,relro,-z,now,--gc-sections", "-ffunction-sections"])),
    *(["clang", "-O2", "-g", *linker, "small.c", "-o", "out"] for linker in LINKERS),
    *([compiler, *flags, "small.c", "-o", "out"] for flags in (["-g"], ["-g", "-c"], ["-static"], ["-O2", "-no-pie"])
      for compiler in ["gcc", "i686-linux-gnu-gcc", "aarch64-linux-gnu-gcc", "arm-linux-gnueabihf-gcc",
                       "mips-linux-gnu-gcc", "powerpc-linux-gnu-gcc", "riscv64-linux-gnu-gcc"]),
    ["gcc", "-O2", "-flto", "-c", "small.c", "-o", "out"], ["gcc", "-g3", "-gdwarf-4", "small.c", "-o", "out"],
    ["gcc", "-g", "-gz", "-Wl,-q", "small.c", "-o", "out"], ["clang", "-g", "-gz", "-c", "small.c", "-o", "out"],
    ["gcc", "-gsplit-dwarf", "-g", "small.c", "-o", "out"], ["gcc", "-r", "-nostdlib", "small.c", "-o", "out"],
    ["gcc", "-static-pie", "small.c", "-o", "out"], ["gcc", "-Wl,-z,noseparate-code", "small.c", "-o", "out"],
    ["g++", "-O2", "-g", "small.cc", "-o", "out"], ["g++", "-g", "-c", "small.cc", "-o", "out"],
    ["rustc", "small.rs", "-o", "out"], ["rustc", "-O", "-C", "strip=symbols", "small.rs", "-o", "out"],
    ["rustc", "-g", "--emit=obj", "small.rs", "-o", "out"], ["fpc", "-oout", "small.pas"],
    ["fpc", "-gl", "-oout", "small.pas"], ["gnatmake", "small.adb", "-o", "out"],
    ["gfortran", "small.f90", "-o", "out"], ["ghc", "small.hs", "-o", "out"], ["go", "build", "-o", "out", "small.go"],
]


# ---- Files to try ----------------------------------------------------------------------------------------------------

def toolchain_files(root, here, commands):
    """Name and bytes of what each of the commands makes; None where it fails."""
    for index, command in enumerate(commands):
        place = here / f"made-{index}"
        place.mkdir()
        shutil.copy(root / "testdata/small.c", place)
        for name, content in SOURCES.items():
            (place / name).write_text(content)
        try:
            subprocess.run(command, cwd=place, check=True, capture_output=True, timeout=120)
            yield " ".join(command), (place / "out").read_bytes()
        except (OSError, subprocess.SubprocessError):
            yield " ".join(command), None
        shutil.rmtree(place)


def archive_members(data):
    at = 8
    while at + 60 <= len(data):
        size = int(data[at + 48:at + 58])
        yield data[at + 60:at + 60 + size]
        at += 60 + size + size % 2


def candidates():
    seen = set()
    for folder in WHERE:
        for place, _, names in os.walk(folder):
            for path in (os.path.join(place, name) for name in names):
                if not os.path.islink(path) and os.path.isfile(path) and os.path.realpath(path) not in seen:
                    seen.add(os.path.realpath(path))
                    yield path


def elf_content(path, chance):
    """The bytes of an ELF file, or of one member of an archive; None for all else."""
    try:
        with open(path, "rb") as file:
            head = file.read(8)
            if head[:4] != b"\x7fELF" and head != b"!<arch>\n" or os.fstat(file.fileno()).st_size > SIZE_LIMIT:
                return None
            data = head + file.read()
    except OSError:
        return None
    if head == b"!<arch>\n":
        members = [member for member in archive_members(data) if member[:4] == b"\x7fELF"]
        data = chance.choice(members) if members else b""
    return data if len(data) > 64 and Elf(data).header.e_type in ANY else None


def system_files(count, chance):
    paths = sorted(candidates())
    chance.shuffle(paths)
    # Archives are many and dull: a quarter.
    archives = 0
    for path in paths:
        if count == 0:
            return
        if path.endswith((".a", ".o")) and archives * 4 > count:
            continue
        data = elf_content(path, chance)
        if data is not None:
            archives += path.endswith((".a", ".o"))
            count -= 1
            yield path, data


# ---- Properties ------------------------------------------------------------------------------------------------------

class Outcome:
    def __init__(self):
        self.held, self.verdicts = collections.Counter(), collections.Counter()
        self.broken, self.anomalies, self.failed = [], [], collections.Counter()

    def add(self, other):
        self.held += other.held
        self.verdicts += other.verdicts
        self.failed += other.failed
        self.broken += other.broken
        self.anomalies += other.anomalies

    def expect(self, name, prop, holds, detail=""):
        if holds:
            self.held[prop] += 1
        else:
            self.broken.append(f"{name}: {prop}: {detail}")


class Properties:
    def __init__(self, program, changes=CHANGES):
        self.program, self.changes = program, changes

    def compare(self, vendor, rebuilt):
        result = subprocess.run([self.program, "-f", "json", vendor, rebuilt], capture_output=True, timeout=300)
        report = json.loads(result.stdout)
        expected = {"identical": 0, "equivalent": 0, "different": 1, "inconclusive": 2}[report["verdict"]]
        if result.returncode != expected:
            raise AssertionError(f"exit {result.returncode} for {report['verdict']}")
        return report

    def note_anomalies(self, name, change, report, side, outcome):
        ids = sorted({entry["id"] for entry in report.get("anomalies", []) if entry["side"] == side})
        if ids:
            outcome.anomalies.append((change, ", ".join(ids), name))
        else:
            outcome.held[f"no anomaly {change}"] += 1

    def copy_is_identical(self, name, path, outcome):
        copy = shutil.copy(path, path.parent / "copy")
        report = self.compare(path, copy)
        outcome.expect(name, "a copy is identical", report["verdict"] == "identical", report["verdict"])
        self.note_anomalies(name, "as it is", report, "vendor", outcome)

    def normal_form(self, name, path, outcome):
        form, again = path.parent / "form", path.parent / "again"
        for source, target in ((path, form), (form, again)):
            result = subprocess.run([self.program, "normalise", source, "-o", target], capture_output=True, timeout=300)
            if result.returncode != 0:
                outcome.expect(name, "has a normal form", False, result.stderr.decode(errors="replace").strip())
                return
        outcome.expect(name, "the normal form is a fixed point", form.read_bytes() == again.read_bytes())
        verdict = self.compare(path, form)["verdict"]
        outcome.expect(name, "the normal form is equal to its file", verdict in ("identical", "equivalent"), verdict)

    def changed(self, name, path, elf, change, outcome):
        what, types, command = change
        if elf.header.e_type not in types or elf.header.e_machine not in BINUTILS:
            return
        out = path.parent / "changed"
        out.unlink(missing_ok=True)
        command = [word.format(p=BINUTILS[elf.header.e_machine], **{"in": path, "out": out}) for word in command]
        try:
            result = subprocess.run(command, capture_output=True, timeout=300)
            done = result.returncode == 0 and out.exists()
        except (OSError, subprocess.TimeoutExpired):
            done = False
        if not done:
            outcome.failed[what] += 1
            return
        there, back = self.compare(path, out), self.compare(out, path)
        outcome.verdicts[f"{what}: {there['verdict']}"] += 1
        mirrored = there["verdict"] == back["verdict"] and (
            there["verdict"] == "inconclusive" or
            (there["tally"]["vendor"] == back["tally"]["rebuilt"] and
             there["tally"]["rebuilt"] == back["tally"]["vendor"]))
        outcome.expect(f"{name} and its {what}", "B with A mirrors A with B", mirrored,
                       f"{there['verdict']} {there.get('tally')}, {back['verdict']} {back.get('tally')}")
        self.note_anomalies(name, f"after {what}", there, "rebuilt", outcome)

    def file(self, name, data):
        outcome = Outcome()
        with tempfile.TemporaryDirectory() as where:
            path = pathlib.Path(where) / "file"
            path.write_bytes(data)
            try:
                self.copy_is_identical(name, path, outcome)
                self.normal_form(name, path, outcome)
                for change in self.changes:
                    self.changed(name, path, Elf(data), change, outcome)
            except (AssertionError, KeyError, ValueError, subprocess.TimeoutExpired) as fault:
                outcome.broken.append(f"{name}: {type(fault).__name__} {fault}")
        return outcome


def check(properties, files):
    total, count = Outcome(), 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for outcome in pool.map(lambda file: properties.file(*file), files):
            total.add(outcome)
            count += 1
    return total, count


def show(title, counts):
    print(title)
    for name, number in sorted(counts.items()):
        print(f"  {number:5} {name}")


def show_list(title, lines):
    print(f"{len(lines)} {title}" + (":" if lines else ""))
    print("".join(f"  {line}\n" for line in lines), end="")


def show_anomalies(anomalies):
    groups = collections.defaultdict(list)
    for change, ids, name in anomalies:
        groups[change, ids].append(name)
    print(f"{len(anomalies)} honest files with anomalies" + (":" if anomalies else ""))
    for (change, ids), names in sorted(groups.items()):
        print(f"  {len(names):5} {change}: {ids}: {'; '.join(names[:3])}{'; ...' if len(names) > 3 else ''}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("elftally")
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("count", nargs="?", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as where:
        made = list(toolchain_files(options.root, pathlib.Path(where), TOOLCHAINS))
    files = [file for file in made if file[1] is not None]
    absent = [name for name, data in made if data is None]
    files += system_files(options.count, random.Random(options.seed))
    total, count = check(Properties(os.path.abspath(options.elftally)), files)
    made_count = len(made) - len(absent)
    print(f"{count} files, {made_count} of them made here, {count - made_count} of the system")
    show("held:", total.held)
    show("verdicts of a file and its changed copy:", total.verdicts)
    show("the tool refused the file:", total.failed)
    show_list("not made here", absent)
    show_anomalies(total.anomalies)
    show_list("broken", total.broken)
    return 1 if total.broken else 0


if __name__ == "__main__":
    sys.exit(main())
