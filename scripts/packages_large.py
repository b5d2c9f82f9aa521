"""The large pairs of scripts/packages: a C++ program of many units, each with much debug information of its own."""
import os
import shutil
import subprocess

UNITS = 34  # for more than 100 MB of debug information with g++ 12
FLAGS = ["-std=c++17", "-g3", "-O1"]
DAYS = "1700000000", "1763000000"  # of one width when written out, by __DATE__

UNIT = """
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <regex>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>
namespace part%(i)d {
template <int N> struct node {
    std::map<std::string, std::vector<std::unique_ptr<node<N - 1>>>> children;
    std::unordered_map<int, std::function<int(const node &)>> visitors;
    std::variant<int, double, std::string> value;
    int visit(int depth) const
    {
        int sum = depth + N;
        for (const auto &[name, list] : children)
            for (const auto &child : list)
                sum += child->visit(depth + 1) + static_cast<int>(name.size());
        for (const auto &[key, visitor] : visitors)
            sum += key * visitor(*this);
        return sum + static_cast<int>(value.index());
    }
};
template <> struct node<0> {
    int visit(int depth) const { return depth * %(i)d; }
};
}
int unit%(i)d(int depth)
{
    part%(i)d::node<12> root;
    root.visitors[depth] = [](const auto &node) { return static_cast<int>(node.children.size()); };
    return root.visit(depth) + std::regex_match(std::to_string(depth), std::regex("[0-9]+%(i)d"));
}
"""
MAIN = """
#include <cstdio>
%(declared)s
int main(int argc, char **)
{
    int sum = 0;
%(called)s
    std::printf("%%d, built %%s\\n", sum, __DATE__);
}
"""


def write_sources(where):
    where.mkdir(parents=True)
    for i in range(UNITS):
        (where / f"unit{i}.cc").write_text(UNIT % {"i": i}, encoding="ascii")
    (where / "main.cc").write_text(MAIN % {"declared": "\n".join(f"int unit{i}(int);" for i in range(UNITS)),
                                           "called": "\n".join(f"    sum += unit{i}(argc);" for i in range(UNITS))},
                                   encoding="ascii")


def compile_all(where, sources, day):
    environment = dict(os.environ, SOURCE_DATE_EPOCH=day)
    waiting, running = list(sources), []
    while waiting or running:
        while waiting and len(running) < 2:
            source = waiting.pop()
            running.append(subprocess.Popen(["g++", *FLAGS, "-c", where / source, "-o", source + ".o"], cwd=where,
                                            env=environment))
        if running.pop(0).wait() != 0:
            raise SystemExit("packages: the large program cannot be compiled")


def link(where, output):
    objects = [f"unit{i}.cc.o" for i in range(UNITS)]
    subprocess.run(["g++", "-o", output, "main.cc.o", *objects], cwd=where, check=True)


def pairs(here):
    """Name and the two files. The paths of the build are of different lengths."""
    day, place = here / "day", here / "place"
    if not (day / "prog").exists() or not (place / "prog").exists():
        sources = ["main.cc", *(f"unit{i}.cc" for i in range(UNITS))]
        for where in here / "one", here / "elsewhere":
            shutil.rmtree(where, ignore_errors=True)
            write_sources(where)
            compile_all(where, sources, DAYS[0])
            link(where, "prog")
        for target in day, place:
            target.mkdir(exist_ok=True)
        shutil.copy(here / "elsewhere/prog", place / "prog")
        compile_all(here / "one", ["main.cc"], DAYS[1])
        link(here / "one", day / "prog")
    size = subprocess.run(["size", "-A", here / "one/prog"], capture_output=True, text=True, check=True).stdout
    debug = sum(int(words[1]) for words in map(str.split, size.splitlines()) if words and words[0].startswith(".debug"))
    print(f"{(here / 'one/prog').stat().st_size:,} bytes, {debug:,} of them debug information\n")
    return [("another build path", here / "one/prog", place / "prog"), ("another date", here / "one/prog", day / "prog")]
