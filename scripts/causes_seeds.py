"""What scripts/causes seeds: for each cause the programs, and how the two sides are built. Values are drawn anew for
each pair, so that no detector can be right by knowing them."""
import datetime
import gzip
import uuid

import causes_builds as builds
from causes_builds import objcopy, run, strip

C, CPP, RUST, GO = (builds.LANGUAGES[name] for name in ("c", "c++", "rust", "go"))
TEXT = C + CPP + RUST + ["freq", "heat", "echo"]
COMPILED = C + CPP
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
GERMAN = "Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez".split()
HEX = "0123456789abcdef"
WORDS = ["alpha", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "inlet", "juniper"]

seeds = {}


def seed(programs):
    """Registers a function of (random, program, tools) to a pair of dicts of wishes."""
    def register(function):
        seeds[function.__name__.replace("_", "-")] = (programs, function)
        return function
    return register


def both(vendor, rebuilt, **common):
    return {**common, **vendor}, {**common, **rebuilt}


def texts(vendor, rebuilt, label):
    """A text with what it is, for programs that print a label and for those that do not."""
    return both({"about": vendor}, {"about": rebuilt}, label=label)




def moment(rng):
    return datetime.datetime.fromtimestamp(rng.randrange(1_500_000_000, 1_790_000_000), datetime.timezone.utc)


def place(rng, equal=None):
    """Two directories of a build, of equal length or not."""
    first = f"{rng.choice(WORDS)}-{rng.randrange(10, 99)}"
    if equal if equal is not None else rng.random() < 0.3:
        return first, first[:-2] + str((int(first[-2:]) + 7) % 90 + 10)
    return first, f"{rng.choice(WORDS)}-{rng.randrange(1000, 9999)}/{rng.choice(WORDS)}"


# ---- Paths ----


@seed(C + CPP)
def build_path_debug(rng, program, tools):
    first, second = place(rng)
    return both({"place": first}, {"place": second}, flags=["-g"])


@seed(C + CPP)
def build_path_macro(rng, program, tools):
    first, second = place(rng)
    about = {} if program == "calc" else {"about_macro": "__FILE__"}
    return both({"place": first}, {"place": second}, absolute=True, **about)


@seed(TEXT)
def build_path_other(rng, program, tools):
    first, second = place(rng)
    return texts(f"/build/{first}/share/locale", f"/build/{second}/share/locale", "data ")


@seed(C + CPP + ["lines"])
def build_path_runpath(rng, program, tools):
    first, second = place(rng)
    return {"link": [f"-Wl,-rpath,/build/{first}/lib"]}, {"link": [f"-Wl,-rpath,/build/{second}/lib"]}


@seed(C)
def coverage(rng, program, tools):
    first, second = place(rng)
    return both({"place": first}, {"place": second}, flags=["--coverage"])


@seed(RUST)
def rust_path(rng, program, tools):
    first, second = place(rng)
    return both({"place": first}, {"place": second}, absolute=True, flags=["-g"])


@seed(GO)
def go(rng, program, tools):
    first, second = place(rng)
    return both({"place": first}, {"place": second}, flags=["-v"])


@seed(["wrap"])
def ocaml(rng, program, tools):
    return {}, {}


@seed(["rot"] + C[:2])
def haskell(rng, program, tools):
    if program == "rot":
        return {}, {}
    numbers = rng.sample(range(1000, 99999), 2)
    name = {"count": "print.c", "calc": "lexer.c"}[program]
    include = {"count": '#include "count.h"\n', "calc": '#include "calc.h"\n'}[program]
    return tuple({"edits": [(name, include, f'#line 1 "/tmp/ghc{number}_0/ghc_2.hc"\n{include}')], "flags": ["-g"]}
                 for number in numbers)


@seed(TEXT)
def temp_name(rng, program, tools):
    names = [builds.random_text(rng, "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", 10) for _ in range(2)]
    form = rng.choice(["/tmp/tmp.%s", "/tmp/cc%s.o", "/var/tmp/build-%s/config"])
    size = 6 if "cc" in form else 10
    return texts(form % names[0][:size], form % names[1][:size], "config ")


@seed(TEXT)
def home_or_path(rng, program, tools):
    first, second = rng.sample(WORDS, 2)
    if rng.random() < 0.5:
        return texts(f"/home/{first}/.config/tool", f"/home/{second}/.config/tool", "settings ")
    return texts(f"/usr/local/bin:/usr/bin:/bin:/opt/{first}/bin", "/usr/local/sbin:/usr/local/bin:/usr/bin:/bin",
                 "built with PATH ")


# ---- Dates ----


@seed(C + CPP + ["heat", "echo"])
def date_macro(rng, program, tools):
    form = rng.choice(["__DATE__", "__TIME__", '__DATE__ " " __TIME__'])
    if program == "heat":  # the preprocessor of Fortran joins no strings
        form = rng.choice(["__DATE__", "__TIME__"])
    epochs = rng.sample(range(1_500_000_000, 1_790_000_000, 86_461), 2)
    return both(*({"environment": {"SOURCE_DATE_EPOCH": str(epoch)}} for epoch in epochs), about_macro=form)


@seed(C + CPP)
def timestamp_macro(rng, program, tools):
    first, second = rng.sample(range(1_500_000_000, 1_790_000_000, 86_461), 2)
    return both({"modified": first}, {"modified": second}, about_macro="__TIMESTAMP__")


@seed(TEXT + C)
def date_other(rng, program, tools):
    first, second = moment(rng), moment(rng)
    form = rng.choice(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", "%a, %d %b %Y %H:%M:%S +0000",
                       "%a %b %d %H:%M:%S UTC %Y", "epoch", "compact", "year"])
    if form == "epoch":
        return texts(str(int(first.timestamp())), str(int(second.timestamp())), "build time ")
    if form == "compact":
        return texts(first.strftime("%Y%m%d"), second.strftime("%Y%m%d"), "build date ")
    if form == "year" and program in COMPILED:
        year = rng.randrange(2018, 2026)
        return {"flags": [f"-DYEAR={year}"]}, {"flags": [f"-DYEAR={year + 1}"]}
    form = "%Y-%m-%d" if form == "year" else form
    return texts(first.strftime(form), second.strftime(form), "built on ")


@seed(TEXT)
def locale_timezone(rng, program, tools):
    when = moment(rng)
    later = when + datetime.timedelta(hours=rng.choice([1, 2, 5, 9]))
    hours = int((later - when).total_seconds() // 3600)
    form = rng.choice(["offset", "name", "language"])
    if form == "offset":
        pair = when.strftime("%Y-%m-%d %H:%M:%S +0000"), later.strftime(f"%Y-%m-%d %H:%M:%S +0{hours}00")
    elif form == "name":
        pair = when.strftime("%a %b %d %H:%M:%S UTC %Y"), later.strftime(
            f"%a %b %d %H:%M:%S {dict([(1, 'CET'), (2, 'CEST'), (5, 'PKT'), (9, 'JST')])[hours]} %Y")
    else:
        days = dict(zip("Mon Tue Wed Thu Fri Sat Sun".split(), "Mo Di Mi Do Fr Sa So".split()))
        pair = when.strftime("%a %d %b %Y %H:%M:%S"), "%s %s %s %s" % (
            days[when.strftime("%a")], when.strftime("%d"), GERMAN[when.month - 1], when.strftime("%Y %H:%M:%S"))
    return texts(*pair, "built on ")


@seed(C)
def kernel_banner(rng, program, tools):
    def banner():
        return (f"Linux version 6.1.0-{rng.randrange(9, 30)}-amd64 ({rng.choice(WORDS)}@{rng.choice(WORDS)}) (gcc-12 "
                f"(Debian 12.2.0-14) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40) #{rng.randrange(1, 90)} SMP "
                f"PREEMPT_DYNAMIC {moment(rng).strftime('%a %b %d %H:%M:%S UTC %Y')}\\n")
    return tuple({"extra": {"version.c": f'const char linux_banner[] = "{banner()}";\n'}} for _ in range(2))


# ---- Who, where, what ----


@seed(TEXT)
def user_host(rng, program, tools):
    names = rng.sample(WORDS, 4)
    if rng.random() < 0.6:
        return texts(f"{names[0]}@{names[1]}", f"{names[2]}@{names[3]}", "built by ")
    return texts(f"{names[0]}", f"{names[2]}", "build host: ")


@seed(TEXT)
def kernel_version(rng, program, tools):
    first, second = rng.sample(range(9, 40), 2)
    form = rng.choice(["Linux 6.1.0-%d-amd64", "5.10.0-%d-cloud-amd64", "Linux 4.19.0-%d-686-pae i686"])
    return texts(form % first, form % second, "built on ")


@seed(TEXT)
def vcs_revision(rng, program, tools):
    hashes = [builds.random_text(rng, HEX, 40) for _ in range(2)]
    form = rng.choice(["describe", "whole", "dirty"])
    if form == "describe":
        return texts(f"v1.{rng.randrange(9)}-{rng.randrange(99)}-g{hashes[0][:7]}",
                    f"v1.{rng.randrange(9)}-{rng.randrange(99)}-g{hashes[1][:8]}", "version ")
    if form == "dirty":
        return texts(f"v2.1-3-g{hashes[0][:7]}", f"v2.1-3-g{hashes[0][:7]}-dirty", "version ")
    return texts(hashes[0], hashes[1], "git revision ")


@seed(TEXT)
def random_id(rng, program, tools):
    ids = [uuid.UUID(int=rng.getrandbits(128), version=4) for _ in range(2)]
    if rng.random() < 0.5:
        return texts(str(ids[0]), str(ids[1]), "instance ")
    return texts(f"Vmod_{ids[0].hex}", f"Vmod_{ids[1].hex}", "file id ")


@seed(COMPILED)
def package_note(rng, program, tools):
    versions = rng.sample(range(1, 30), 2)
    # gcc takes a comma for the end of an option to the linker.
    return tuple({"link": ["-Xlinker", '--package-metadata={"type":"deb","name":"tool","version":"1.0-%d"}' % version]}
                 for version in versions)


@seed(C)
def parallel_race(rng, program, tools):
    return texts("-j%d" % rng.choice([2, 4, 8]), "-j%d" % rng.choice([16, 32, 64]), "make flags ")


# ---- Identity, debug information, strip ----


@seed(COMPILED)
def build_id_only(rng, program, tools):
    first, second = place(rng)
    return both({"place": first}, {"place": second}, flags=["-g"], then=[strip("-s")])


@seed(C + CPP + ["lines"])
def build_id_style(rng, program, tools):
    first, second = rng.sample(["sha1", "md5", "none"], 2)
    return {"link": [f"-Wl,--build-id={first}"]}, {"link": [f"-Wl,--build-id={second}"]}


@seed(C + CPP)
def build_id_uuid(rng, program, tools):
    return both({}, {}, link=["-Wl,--build-id=uuid"])


@seed(C + CPP)
def debuglink_crc(rng, program, tools):
    return tuple({"flags": ["-g"], "then": [builds.with_debuglink(rng.randbytes(16))]} for _ in range(2))


@seed(CPP + ["encode"])
def dwz(rng, program, tools):
    return both({}, {"then": [builds.with_dwz]}, flags=["-g"])


@seed(C)
def split_dwarf(rng, program, tools):
    first, second = rng.sample(WORDS, 2)
    return both({"objects": first}, {"objects": second}, flags=["-g", "-gsplit-dwarf"])


@seed(COMPILED + ["lines", "heat"])
def stripped(rng, program, tools):
    options = rng.choice(["-s", "--strip-debug"])
    pair = {"flags": ["-g"]}, {"flags": ["-g"], "then": [strip(options)]}
    return pair if rng.random() < 0.5 else pair[::-1]


@seed(COMPILED)
def debug_compression(rng, program, tools):
    return both({"flags": ["-g", "-gz"]}, {"flags": ["-g", "-gz=none"]})


@seed(C)
def minidebuginfo(rng, program, tools):
    return {"then": [builds.with_minidebuginfo("-0")]}, {"then": [builds.with_minidebuginfo("-9e", "--check=none")]}


@seed(C)
def nested_build_id(rng, program, tools):
    def inner():
        built = tools / f"inner-{rng.getrandbits(64):x}"
        run("gcc", "-nostdlib", "-shared", f"-Wl,--build-id=0x{builds.random_text(rng, HEX, 40)}", "-o", built,
            builds.PROGRAMS / "echo/echo.S")
        run("strip", "-s", built)  # the name of gcc's temporary file, which is a cause of its own
        return built.read_bytes()
    assembly = '.section .rodata\n.globl vdso\n.type vdso, @object\n.balign 4096\nvdso: .incbin "inner.so"\n' \
        '.size vdso, . - vdso\n.section .note.GNU-stack, "", @progbits\n'
    return tuple({"extra": {"vdso.S": assembly, "inner.so": inner()}} for _ in range(2))


# ---- Toolchain ----


@seed(COMPILED)
def compiler_version(rng, program, tools):
    first, second = rng.choice([("gcc-11", "gcc-12"), ("clang-13", "clang-14"), ("gcc-12", "clang-14")]) \
        if program in C else ("gcc-11", "gcc-12")
    return both({"compiler": first}, {"compiler": second}, flags=rng.choice([[], ["-g"]]))


@seed(COMPILED)
def optimisation(rng, program, tools):
    first, second = rng.choice([("-O1", "-O2"), ("-O2", "-Os"), ("-O0", "-O2"), ("-O2", "-O3")])
    return both({"flags": [first, "-g"]}, {"flags": [second, "-g"]})


@seed(COMPILED)
def march_drift(rng, program, tools):
    return both({"flags": ["-g", f"-march={rng.choice(['x86-64-v3', 'haswell', 'skylake'])}"]}, {"flags": ["-g"]})


PROFILES = {"count": (["main.c"], b""), "calc": ([], b"1+2*3\n(4-2)^5\n" * 50), "encode": (["hex"], b"some bytes\n" * 400)}


@seed(C)
def pgo(rng, program, tools):
    return {"flags": ["-g"], "profile": PROFILES[program]}, {"flags": ["-g"]}


@seed(COMPILED * 2)
def hardening_flags(rng, program, tools):
    return rng.choice([
        both({"flags": ["-fstack-protector-all"]}, {"flags": ["-fno-stack-protector"]}),
        both({"flags": ["-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"]}, {"flags": ["-U_FORTIFY_SOURCE"]}),
        both({"link": ["-Wl,-z,relro,-z,now"]}, {"link": ["-Wl,-z,norelro"]}),
        both({"link": ["-Wl,-z,now"]}, {"link": ["-Wl,-z,lazy"]}),
        both({"flags": ["-fcf-protection=full"]}, {"flags": ["-fcf-protection=none"]}),
    ])


@seed(COMPILED)
def flags_recorded(rng, program, tools):
    first, second = rng.sample(WORDS, 2)
    return tuple({"flags": ["-frecord-gcc-switches", f"-frandom-seed={word}"]} for word in (first, second))


@seed(C + CPP + ["lines"])
def linker(rng, program, tools):
    first, second = rng.sample(["bfd", "gold", "lld"], 2)
    if program == "lines":
        return {"flags": [f"-Clink-arg=-fuse-ld={first}"]}, {"flags": [f"-Clink-arg=-fuse-ld={second}"]}
    return {"link": [f"-fuse-ld={first}"]}, {"link": [f"-fuse-ld={second}"]}


@seed(C + CPP + ["lines"])
def hash_style(rng, program, tools):
    first, second = rng.sample(["gnu", "sysv", "both"], 2)
    return {"link": [f"-Wl,--hash-style={first}"]}, {"link": [f"-Wl,--hash-style={second}"]}


@seed(COMPILED)
def pie(rng, program, tools):
    return {"flags": ["-fPIE"], "link": ["-pie"]}, {"flags": ["-fno-pie"], "link": ["-no-pie"]}


@seed(COMPILED)
def link_order(rng, program, tools):
    return both({"order": 0}, {"order": rng.randrange(1, 3)}, flags=rng.choice([[], ["-g"]]))


@seed(C)
def compiler_hash_order(rng, program, tools):
    return {"assembly": lambda source, text: text}, {
        "assembly": lambda source, text: builds.swap_moves(text) if source == "main.c" else text}


@seed(C)
def lto_section_suffix(rng, program, tools):
    return both({}, {}, flags=["-flto"], one_object="main.c")


@seed(C)
def lto_private_suffix(rng, program, tools):
    form = rng.choice([".lto_priv.%d", ".constprop.%d", ".isra.%d", ".part.%d"])
    first, second = rng.sample(range(12), 2)
    return both({"then": [builds.rename_local(form % first)]}, {"then": [builds.rename_local(form % second)]},
                flags=["-fno-inline", "-fno-ipa-sra", "-fno-ipa-cp"])


@seed(CPP + ["store"])
def static_init_name(rng, program, tools):
    text = '#include <iostream>\nnamespace { struct Quick { Quick() { std::ios::sync_with_stdio(false); } } quick; }\n'
    return tuple({"extra": {f"quick-{number}.cc": text}} for number in rng.sample(range(10000, 99999), 2))


@seed(RUST)
def rust_metadata(rng, program, tools):
    return {"flags": [f"-Cmetadata={rng.getrandbits(32)}"]}, {"flags": [f"-Cmetadata={rng.getrandbits(32)}"]}


@seed(C)
def rust_threads(rng, program, tools):
    return tuple({"then": [builds.rename_local(f".llvm.{rng.getrandbits(63)}")],
                  "flags": ["-fno-inline", "-fno-ipa-sra", "-fno-ipa-cp"]} for _ in range(2))


@seed(C)
def uninitialised_padding(rng, program, tools):
    extra = {"names.c": "_Alignas(32) long first[4] = {1, 2, 3, 4};\nchar short_name[5] = \"abcd\";\n"
                          "_Alignas(32) long last[4] = {5, 6, 7, 8};\n"}
    return tuple({"extra": extra, "then": [builds.fill_gap("short_name", rng.randbytes(8))]} for _ in range(2))


@seed(C)
def leaked_address(rng, program, tools):
    # Randomisation moves whole pages: within one, the address of an object is the same in each run.
    high, within = rng.choice([0x5500, 0x7f00]), rng.randrange(0x1000) // 16 * 16
    return tuple({"extra": {"handle.c": "unsigned long known[3] = {1, 0x%xUL, 2};\n" %
                            ((high << 32) + rng.randrange(1 << 28, 1 << 39) // 0x1000 * 0x1000 + within)}}
                 for _ in range(2))


# ---- Kernel and modules ----


@seed(C)
def module_signature(rng, program, tools):
    signed = builds.sign(tools / "key.pem", tools / "certificate.pem")
    other = builds.sign(tools / "key2.pem", tools / "certificate2.pem")
    return both({"then": [signed]}, {"then": rng.choice([[], [other]])}, one_object="main.c")


def modinfo(text):
    return {"info.c": f'static const char info[] __attribute__((section(".modinfo"), used)) = "license=GPL\\0{text}";\n'}


@seed(C)
def module_vermagic(rng, program, tools):
    first, second = rng.sample(range(9, 40), 2)
    return tuple(dict(extra=modinfo(f"vermagic=6.1.0-{number}-amd64 SMP preempt mod_unload modversions "),
                      one_object="info.c") for number in (first, second))


@seed(C)
def randstruct(rng, program, tools):
    return tuple(dict(extra=modinfo("vermagic=6.1.0-13-amd64 SMP mod_unload RANDSTRUCT_" +
                                    builds.random_text(rng, HEX, 64)), one_object="info.c") for _ in range(2))


@seed(C)
def kernel_config(rng, program, tools):
    assembly = '.section .rodata, "a"\n.ascii "IKCFG_ST"\n.globl kernel_config_data\nkernel_config_data:\n' \
        '.incbin "config.gz"\n.ascii "IKCFG_ED"\n.section .note.GNU-stack, "", @progbits\n'
    return tuple({"extra": {"configs.S": assembly, "config.gz": gzip.compress(
        f"CONFIG_64BIT=y\nCONFIG_LOCALVERSION=\"-{word}\"\n".encode(), mtime=0)}} for word in rng.sample(WORDS, 2))


@seed(C)
def kernel_initramfs(rng, program, tools):
    assembly = '.section .init.ramfs, "a"\n.globl __irf_start\n__irf_start:\n.incbin "initramfs"\n' \
        '.section .note.GNU-stack, "", @progbits\n'
    def archive(mtime):
        head = "070701" + "".join("%08x" % word for word in (1, 0o40755, 0, 0, 2, mtime, 0, 0, 0, 0, 0, 4, 0))
        tail = "070701" + "".join("%08x" % word for word in (0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 11, 0))
        return (head + "dev\0\0\0" + tail + "TRAILER!!!\0").encode() + bytes(96)
    return tuple({"extra": {"initramfs.S": assembly, "initramfs": archive(rng.randrange(1_500_000_000, 1_790_000_000))}}
                 for _ in range(2))


@seed(C)
def btf_order(rng, program, tools):
    def type_section(order):
        names = ["alpha", "beta"]
        source = tools / f"types-{rng.getrandbits(64):x}.c"
        source.write_text("".join(f"struct {name} {{ int {name}_one; long two; }} {name};\n"
                                  for name in (names if order else names[::-1])))
        built = source.with_suffix(".o")
        run("gcc", "-g", "-c", "-o", built, source)
        run("pahole", "-J", built)
        section = source.with_suffix(".btf")
        run("objcopy", "-O", "binary", "--only-section=.BTF", "--set-section-flags", ".BTF=alloc", built, section)
        return section
    return tuple({"then": [objcopy(f"--add-section=.BTF={type_section(order)}")]} for order in (False, True))


@seed(C)
def fips_hmac(rng, program, tools):
    # The digest of a file differs where the file does: here, in debug information.
    first, second = place(rng)
    extra = {"fips.c": "const unsigned char fips_hmac[32] = {1, 2, 3};\n"}
    sealed = {"extra": extra, "flags": ["-g"], "then": [builds.with_digest("fips_hmac", rng.choice(builds.DIGEST_KEYS))]}
    return both({"place": first}, {"place": second}, **sealed)
