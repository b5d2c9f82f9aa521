/*
 * The rules for what holds files: directories, archives, packages. Like those for ELF files each sees one side only and
 * verifies the structure that it claims to know; container/ applies them while it lists the members. No rule sets aside
 * a mode bit, an owner of a file on a system, a link, a device, an extended attribute: with these a file does other things.
 */
#include "rules.h"

#define AT(rule) [(rule)-RULE_FILES]

const struct compare_rule_info container_rule_table[RULE_COUNT - RULE_FILES] = {
    AT(RULE_MEMBER_TIMES) =
        {
            .id = "member-times",
            .tier = "record",
            .hides = "the times of members of ar, tar and cpio archives and of files in directories",
            .verifies =
                "a well-formed number in a field of known place; of pax records those of mtime, atime and ctime "
                "alone",
            .reason = "the time at which a file was written; it is no part of what the file does",
            .unsound = "a program that acts on the times of its files (make; Python's .pyc files name that of their "
                       "source)",
            .source = "POSIX pax, ustar and pax interchange formats; ar(5); linux Documentation/driver-api/early-"
                      "userspace/buffer-format.rst",
            .in_standard = true,
        },
    AT(RULE_ARCHIVE_LAYOUT) =
        {
            .id = "archive-layout",
            .tier = "derived",
            .hides = "sizes of members, checksums of headers, zero padding and zero blocks at the end, inode numbers",
            .verifies = "sizes and checksums were recomputed and are right; what pads is zero (a newline in ar); inode "
                        "numbers were made into groups of hard links, and those are compared",
            .reason = "they follow from the members, which are compared",
            .unsound = "nothing that extracts the archive",
            .source = "POSIX pax; ar(5); linux init/initramfs.c",
            .in_standard = true,
        },
    AT(RULE_ARCHIVE_COMPRESSION) =
        {
            .id = "archive-compression",
            .tier = "derived",
            .hides =
                "the compressed form of what gzip, xz, zstd, bzip2 or lz4 compressed, which is compared by its content",
            .verifies = "the same format on both sides; each stream decodes to its exact end, its checksums are right; "
                        "nothing stands before, between or behind the streams, skippable frames neither",
            .reason = "the same content, compressed by another version or at another level",
            .unsound = "a reader that takes what is compressed by its compressed bytes: a signature over them",
            .source = "RFC 1952; the .xz file format; RFC 8878; the LZ4 frame format",
            .in_standard = true,
        },
    AT(RULE_GZIP_HEADER) =
        {
            .id = "gzip-header",
            .tier = "record",
            .hides = "the time, the extra flags and the operating system in the header of a gzip file",
            .verifies = "a header of RFC 1952, and a stream that decodes to its exact end; a name or comment stays",
            .reason = "when, how hard and on what it was compressed; gunzip makes the same file of it",
            .unsound = "gunzip -N, which gives the file that time",
            .source = "RFC 1952, 2.3.1",
            .in_standard = true,
        },
    AT(RULE_AR_OWNERS) =
        {
            .id = "ar-owners",
            .tier = "record",
            .hides = "owner and group of the members of an ar archive",
            .verifies = "decimal numbers in the fields of an ar header",
            .reason = "neither linkers nor dpkg look at them; ar x does not set them",
            .unsound = "a tool that extracts ar archives with their owners",
            .source = "ar(5); binutils bfd/archive.c; dpkg lib/dpkg/ar.c",
            .in_standard = true,
        },
    AT(RULE_AR_SYMBOL_TABLE) =
        {
            .id = "ar-symbol-table",
            .tier = "derived",
            .hides = "the symbol table of a static library",
            .verifies = "recomputed from the members: each global symbol that they define, in their order, with the "
                        "place of the member that defines it, and nothing else",
            .reason = "it follows from the members, which are compared",
            .unsound = "a linker that takes another order of equal symbols for meaningful",
            .source = "binutils bfd/archive.c (bsd and coff armaps: the latter alone)",
            .in_standard = true,
        },
    AT(RULE_MEMBER_ORDER) =
        {
            .id = "member-order",
            .tier = "inert",
            .hides = "the order of the members of a tar or cpio archive",
            .verifies = "no name is there twice; each member's directory, where it is a member, and each hard link's "
                        "target stands before it; no member's path leads through a link",
            .reason = "the same files come out of the archive in any such order",
            .unsound = "a reader that takes the first member for a special one",
            .source = "POSIX pax; linux init/initramfs.c",
            .in_standard = true,
        },
    AT(RULE_PACKAGE_DIGESTS) =
        {
            .id = "package-digests",
            .tier = "derived",
            .hides = "the digests in the md5sums of a Debian package; the names stay",
            .verifies =
                "each was recomputed from the file of its own package that it names, and is right, on both sides; "
                "every line is one of a digest and a name",
            .reason = "they follow from the files, which are compared",
            .unsound = "a reader that takes one package's digests for the other's files",
            .source = "deb-md5sums(5)",
            .in_standard = true,
        },
    AT(RULE_MAPPED_NAME) =
        {
            .id = "mapped-name",
            .tier = "tolerated",
            .hides = "the names of members that --map makes one",
            .verifies = "the user gave --map, and its pattern makes one name of the other",
            .reason = "the user paired them, and says so in the command",
            .unsound = "a name that something looks for",
            .source = "elftally(1), --map",
            .in_standard = true,
        },
    AT(RULE_ARCHIVE_ALONE) =
        {
            .id = "archive-alone",
            .tier = "tolerated",
            .hides = "the own bytes of an archive that is compared with a directory, and what stands about it: "
                     "compression, a "
                     "package's other members",
            .verifies = "one side is a directory, the other an archive that is understood byte for byte",
            .reason = "the directory has no such bytes; members and what is known of both are compared",
            .unsound = "whatever reads the archive itself",
            .source = "elftally(1)",
            .in_standard = false,
        },
};
