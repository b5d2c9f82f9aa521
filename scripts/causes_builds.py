"""How scripts/causes builds its programs: what a variant asks for, and what is done to the file afterwards."""
import hashlib
import hmac
import os
import pathlib
import random
import shutil
import struct
import subprocess

PROGRAMS = pathlib.Path(__file__).resolve().parent.parent / "testdata/programs"
LANGUAGES = {
    "c": ["count", "calc", "encode"], "c++": ["store", "route"], "rust": ["lines", "primes", "ledger"],
    "go": ["freq", "dial", "sum"], "fortran": ["heat"], "asm": ["echo"], "ocaml": ["wrap"], "haskell": ["rot"],
}
LANGUAGE_OF = {program: language for language, programs in LANGUAGES.items() for program in programs}
LABELLED = {"calc", "encode", "store", "route", "primes", "ledger", "freq"}  # a label goes with the text
COMPILERS = {"c": "gcc", "c++": "g++", "fortran": "gfortran", "asm": "gcc"}


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout


class Variant:
    """One side of a pair. What is not said is the same on both sides."""

    def __init__(self, **wishes):
        self.place = wishes.get("place", "build")          # the directory of the build
        self.flags = wishes.get("flags", [])               # of the compiler
        self.link = wishes.get("link", [])                 # of the linker
        self.about = wishes.get("about")                   # the text in the program
        self.about_macro = wishes.get("about_macro")       # the same, as an expression of the preprocessor
        self.label = wishes.get("label", "note")
        self.compiler = wishes.get("compiler")
        self.order = wishes.get("order", 0)                # by how much the objects are turned round
        self.absolute = wishes.get("absolute", False)      # sources are named by absolute paths
        self.environment = wishes.get("environment", {})
        self.modified = wishes.get("modified", 1600000000)  # of the sources
        self.extra = wishes.get("extra", {})               # more sources: name to text or bytes
        self.edits = wishes.get("edits", [])               # (file, old, new)
        self.assembly = wishes.get("assembly")             # what is done to the compiler's output
        self.objects = wishes.get("objects")               # name of the directory that objects go to
        self.one_object = wishes.get("one_object")         # only this file, as an object
        self.profile = wishes.get("profile")               # input for a profile to optimise by
        self.then = wishes.get("then", [])                 # functions of the path of what was built

    def environ(self):
        return dict({"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", "TZ": "UTC",
                     "SOURCE_DATE_EPOCH": "1600000000", "TMPDIR": os.environ.get("TMPDIR", "/tmp")},
                    **self.environment)


def merged(*wishes):
    """Of several dicts of wishes, one; None where two ask for the same thing."""
    whole = {}
    for wish in wishes:
        for key, value in wish.items():
            if key not in whole:
                whole[key] = value
            elif key in ("flags", "link", "edits", "then"):
                whole[key] = whole[key] + value
            elif key in ("environment", "extra") and not set(whole[key]) & set(value):
                whole[key] = {**whole[key], **value}
            else:
                return None
    return None if "about" in whole and "about_macro" in whole else whole


def with_sources(program, variant, root):
    directory = root / variant.place
    shutil.copytree(PROGRAMS / program, directory)
    for name, old, new in variant.edits:
        path = directory / name
        text = path.read_text()
        if text.count(old) != 1:
            raise RuntimeError(f"{program}/{name}: {old!r} is there {text.count(old)} times")
        path.write_text(text.replace(old, new))
    for name, text in variant.extra.items():
        (directory / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    for path in directory.iterdir():
        os.utime(path, (variant.modified, variant.modified))
    return directory


def text_about(program, variant):
    """What the program says: with what it is, where it prints no label of its own."""
    return variant.about if program in LABELLED else f"{variant.label}{variant.about}"


def defines(program, variant):
    found = []
    if variant.about is not None:
        text = text_about(program, variant)
        found.append('-DABOUT="%s"' % text.replace("\\", "\\\\").replace('"', '\\"'))
    if variant.about_macro is not None:
        found.append(f"-DABOUT={variant.about_macro}")
    if program in LABELLED and variant.about is not None:
        found.append(f'-DLABEL="{variant.label}"')
    return found


def compiler_of(language, variant):
    if variant.compiler is not None and language == "c++":
        return variant.compiler.replace("gcc", "g++").replace("clang", "clang++")
    return variant.compiler or COMPILERS[language]


def compile_one(program, variant, directory, source, output, flags):
    language = LANGUAGE_OF[program]
    compiler = compiler_of(language, variant)
    name = source if variant.absolute else source.name
    command = [compiler, "-O2", *flags, *defines(program, variant)]
    if language == "c++" and source.suffix == ".cc":
        command.append("-std=c++17")
    if variant.assembly is not None and source.suffix != ".S":
        text = run(*command, "-S", "-o", "-", name, cwd=directory, env=variant.environ()).decode()
        listing = source.with_suffix(".s")
        listing.write_text(variant.assembly(source.name, text))
        command, name = [compiler], listing.name
    run(*command, "-c", "-o", output, name, cwd=directory, env=variant.environ())


def compile_all(program, variant, directory, flags):
    sources = sorted(path for path in directory.iterdir() if path.suffix in (".c", ".cc", ".F90", ".S"))
    objects = []
    if variant.objects:
        (directory / variant.objects).mkdir(exist_ok=True)
    for source in sources:
        output = pathlib.Path(variant.objects or ".") / source.with_suffix(".o").name
        compile_one(program, variant, directory, source, output, flags)
        objects.append(output)
    turn = variant.order % len(objects)
    return objects[turn:] + objects[:turn]


def link(program, variant, directory, objects, flags):
    language = LANGUAGE_OF[program]
    start = ["-nostdlib", "-static"] if language == "asm" else []
    run(compiler_of(language, variant), *start, *flags, "-o", "program", *objects, *variant.link, cwd=directory, env=variant.environ())
    return directory / "program"


def build_compiled(program, variant, directory):
    flags = list(variant.flags)
    if variant.profile is not None:
        first = [*flags, "-fprofile-generate"]
        link(program, variant, directory, compile_all(program, variant, directory, first), first)
        subprocess.run(["./program", *variant.profile[0]], input=variant.profile[1], cwd=directory,
                       capture_output=True, check=False)
        flags += ["-fprofile-use", "-Wno-missing-profile"]
    if variant.one_object is not None:
        compile_one(program, variant, directory, directory / variant.one_object, "one.o", flags)
        return directory / "one.o"
    return link(program, variant, directory, compile_all(program, variant, directory, flags), flags)


def build_rust(program, variant, directory):
    environment = variant.environ()
    if variant.about is not None:
        environment.update(ABOUT=text_about(program, variant), LABEL=variant.label)
    source = directory / "main.rs" if variant.absolute else "main.rs"
    linking = [f"-Clink-arg={word}" for word in variant.link]
    run("/usr/bin/rustc", "--edition=2021", "-O", "--crate-name", program, *variant.flags, *linking, "-o", "program",
        source, cwd=directory, env=environment)
    return directory / "program"


def build_go(program, variant, directory):
    cache = directory.parent.parent / "go-cache"
    environment = dict(variant.environ(), GOCACHE=str(cache), GOPATH="/nonexistent", GOFLAGS="-buildvcs=false",
                       CGO_ENABLED="0")
    settings = []
    if variant.about is not None:
        settings = [f"-X 'main.label={variant.label}' -X 'main.about={variant.about}'"]
    flags = variant.flags or ["-trimpath"]
    run("/usr/bin/go", "build", *flags, "-ldflags", " ".join(settings), "-o", "program", ".", cwd=directory,
        env=environment)
    return directory / "program"


def build_ocaml(program, variant, directory):
    run("ocamlopt", "-g", "-o", "program", f"{program}.ml", cwd=directory, env=variant.environ())
    return directory / "program"


def build_haskell(_, variant, directory):
    run("ghc", "-O", "-g", "-o", "program", "Main.hs", cwd=directory, env=variant.environ())
    return directory / "program"


BUILDERS = {"rust": build_rust, "go": build_go, "ocaml": build_ocaml, "haskell": build_haskell}


def build(program, variant, root, output):
    directory = with_sources(program, variant, root)
    built = BUILDERS.get(LANGUAGE_OF[program], build_compiled)(program, variant, directory)
    for step in variant.then:
        step(built)
    shutil.copy(built, output)
    shutil.rmtree(directory)


# ---- What is done to a file once it is built ----


def strip(*options):
    return lambda path: run("strip", *options, path)


def objcopy(*options):
    return lambda path: run("objcopy", *options, path)


def rename_local(suffix):
    """A local function gets another suffix, as link-time optimisation gives one."""
    def rename(path):
        names = [words[2] for words in (line.split() for line in run("nm", path).decode().splitlines())
                 if len(words) == 3 and words[1] == "t" and words[2][0] != "_" and "." not in words[2]
                 and words[2] not in ("deregister_tm_clones", "register_tm_clones", "frame_dummy")]
        run("objcopy", f"--redefine-sym={names[0]}={names[0]}{suffix}", path)
    return rename


def with_debuglink(section):
    """The debug file is separate; a section of it says what else is in it."""
    def separate(path):
        debug = path.with_name("program.debug")
        note = path.with_name("note")
        note.write_bytes(section)
        run("objcopy", "--only-keep-debug", path, debug)
        run("objcopy", f"--add-section=.debug_extra={note}", debug)
        run("strip", "--strip-debug", path)
        run("objcopy", f"--add-gnu-debuglink={debug}", path)
    return separate


def with_minidebuginfo(*options):
    def add(path):
        symbols, packed = path.with_name("symbols"), path.with_name("symbols.xz")
        run("objcopy", "-S", "--keep-symbol=main", "--strip-debug", "--only-keep-debug", path, symbols)
        packed.write_bytes(run("xz", *options, "-c", symbols))
        run("strip", "-s", path)
        run("objcopy", f"--add-section=.gnu_debugdata={packed}", path)
    return add


def with_dwz(path):
    other = path.with_name("other")
    shutil.copy(path, other)
    run("dwz", "-m", path.with_name("common.debug"), path, other)


def sign(key, certificate):
    """As scripts/sign-file of the Linux kernel does: a detached CMS, its lengths, and a magic word at the end."""
    def add(path):
        message = run("openssl", "cms", "-sign", "-binary", "-noattr", "-nocerts", "-md", "sha256", "-outform", "DER",
                      "-in", path, "-inkey", key, "-signer", certificate)
        trailer = struct.pack(">BBBBB3xI", 0, 0, 2, 0, 0, len(message))
        path.write_bytes(path.read_bytes() + message + trailer + b"~Module signature appended~\n")
    return add


def place_of(path, symbol):
    """Where an object stands in the file, and its size."""
    for line in run("readelf", "-sW", path).decode().splitlines():
        words = line.split()
        if len(words) == 8 and words[7] == symbol:
            address, size = int(words[1], 16), int(words[2], 0)
    for line in run("readelf", "-lW", path).decode().splitlines():
        words = line.split()
        if words[:1] == ["LOAD"]:
            offset, begin, _, in_file = (int(word, 16) for word in words[1:5])
            if begin <= address < begin + in_file:
                return offset + address - begin, size
    raise RuntimeError(f"{path}: {symbol} is nowhere")


def fill_gap(before, value):
    """Writes into the bytes behind an object, which no symbol covers."""
    def fill(path):
        place = sum(place_of(path, before))
        content = bytearray(path.read_bytes())
        content[place:place + len(value)] = value
        path.write_bytes(content)
    return fill


# The public keys of fipscheck and of hmaccalc; none for a plain digest.
DIGEST_KEYS = [b"orboDeJITITejsirpADONivirpUkvarP", b"FIPS-FTW-RHT2009", None]


def with_digest(symbol, key):
    """Writes the digest of the file into an object of 32 bytes, for which zeros stand."""
    def seal(path):
        place, size = place_of(path, symbol)
        content = bytearray(path.read_bytes())
        content[place:place + size] = bytes(size)
        content[place:place + size] = hmac.digest(key, content, "sha256") if key else hashlib.sha256(content).digest()
        path.write_bytes(content)
    return seal


def swap_moves(text):
    """Two moves of constants to different registers change places: what a hash table's order may do."""
    lines = text.splitlines(keepends=True)

    def constant_move(line):
        words = line.replace(",", " ").split()
        return words[2] if len(words) == 3 and words[0] in ("movl", "movq") and words[1].startswith("$") and \
            words[2].startswith("%") else None

    for i in range(len(lines) - 1):
        first, second = constant_move(lines[i]), constant_move(lines[i + 1])
        if first and second and first[-2:] != second[-2:]:
            lines[i], lines[i + 1] = lines[i + 1], lines[i]
            break
    return "".join(lines)


def random_text(rng, alphabet, size):
    return "".join(rng.choice(alphabet) for _ in range(size))


def seeded(seed, *words):
    return random.Random(f"{seed} {words}")
