/*
 * The tables by meaning: ELF header and program headers (gABI chapters 4 and 5), the dynamic section, notes, which
 * sections there are, .comment, and the links to debug files. Addresses, offsets and sizes are passed over: they follow
 * from other things.
 */
#include <string.h>

#include "parts.h"

static struct difference *tell(struct explaining *e, enum difference_kind kind, const char *what, const char *vendor,
                               const char *rebuilt)
{
    struct difference *difference = difference_add(e, kind, what);
    if (difference == NULL)
        return NULL;
    difference->vendor.present = vendor != NULL;
    difference->rebuilt.present = rebuilt != NULL;
    if (vendor != NULL)
        value_bytes(e, &difference->vendor_value, vendor, strlen(vendor));
    if (rebuilt != NULL)
        value_bytes(e, &difference->rebuilt_value, rebuilt, strlen(rebuilt));
    return difference;
}

/* ---- ELF header ---- */

static void explain_elf_header(struct explaining *e)
{
    const Elf64_Ehdr *a = &e->sides[0].image->header, *b = &e->sides[1].image->header;
    const struct {
        const char *what;
        uint64_t vendor, rebuilt;
    } fields[] = {
        {"e_type", a->e_type, b->e_type},
        {"e_machine", a->e_machine, b->e_machine},
        {"e_flags", a->e_flags, b->e_flags},
        {"EI_OSABI", a->e_ident[EI_OSABI], b->e_ident[EI_OSABI]},
        {"EI_ABIVERSION", a->e_ident[EI_ABIVERSION], b->e_ident[EI_ABIVERSION]},
        {"EI_CLASS", a->e_ident[EI_CLASS], b->e_ident[EI_CLASS]},
    };
    for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
        if (fields[i].vendor == fields[i].rebuilt)
            continue;
        char left[32], right[32];
        snprintf(left, sizeof(left), "%#jx", (uintmax_t)fields[i].vendor);
        snprintf(right, sizeof(right), "%#jx", (uintmax_t)fields[i].rebuilt);
        struct difference *difference =
            tell(e, DIFFERENCE_HEADER, fields[i].what, arena_strdup(e->arena, left), arena_strdup(e->arena, right));
        if (difference == NULL)
            return;
        difference->vendor.section = difference->rebuilt.section = "ELF header";
        difference->vendor_value.number = fields[i].vendor;
        difference->rebuilt_value.number = fields[i].rebuilt;
    }
}

/* ---- Program headers ---- */

static const char *segment_type(uint32_t type)
{
    static const struct {
        uint32_t type;
        const char *name;
    } names[] = {{PT_INTERP, "PT_INTERP"},
                 {PT_TLS, "PT_TLS"},
                 {PT_GNU_STACK, "PT_GNU_STACK"},
                 {PT_GNU_RELRO, "PT_GNU_RELRO"},
                 {PT_DYNAMIC, "PT_DYNAMIC"},
                 {PT_GNU_PROPERTY, "PT_GNU_PROPERTY"},
                 {PT_GNU_EH_FRAME, "PT_GNU_EH_FRAME"}};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (names[i].type == type)
            return names[i].name;
    }
    return NULL;
}

static const struct segment *segment_of(const struct image *image, uint32_t type)
{
    for (size_t i = 0; i < image->segment_count; i++) {
        if (image->segments[i].type == type)
            return &image->segments[i];
    }
    return NULL;
}

static const char *flags_text(struct explaining *e, const struct segment *segment)
{
    return segment == NULL
               ? NULL
               : arena_printf(e->arena, "%c%c%c", (segment->flags & PF_R) != 0 ? 'R' : '-',
                              (segment->flags & PF_W) != 0 ? 'W' : '-', (segment->flags & PF_X) != 0 ? 'X' : '-');
}

static const char *interpreter(const struct image *image)
{
    const struct segment *segment = segment_of(image, PT_INTERP);
    if (segment == NULL || range_empty(segment->bytes))
        return NULL;
    const char *text = (const char *)image->bytes + segment->bytes.begin;
    return text[segment->file_size - 1] == '\0' ? text : NULL;
}

/* The flags of the PT_LOADs, in their order: "R-- R-X R-- RW-". */
static const char *load_flags(struct explaining *e, const struct image *image)
{
    char text[256];
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < image->segment_count && used + 5 < sizeof(text); i++) {
        const struct segment *segment = &image->segments[i];
        if (segment->type == PT_LOAD)
            used +=
                (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used > 0 ? " " : "", flags_text(e, segment));
    }
    return arena_strdup(e->arena, text);
}

static void explain_segments(struct explaining *e)
{
    static const uint32_t types[] = {PT_TLS, PT_GNU_STACK, PT_GNU_RELRO, PT_DYNAMIC, PT_GNU_PROPERTY, PT_GNU_EH_FRAME};
    const struct image *a = e->sides[0].image, *b = e->sides[1].image;
    const char *x = interpreter(a), *y = interpreter(b);
    if ((x == NULL) != (y == NULL) || (x != NULL && strcmp(x, y) != 0))
        tell(e, DIFFERENCE_HEADER, "PT_INTERP", x, y);
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        const struct segment *s = segment_of(a, types[i]), *t = segment_of(b, types[i]);
        if (s == t || (s != NULL && t != NULL && s->flags == t->flags))
            continue;
        struct difference *difference =
            tell(e, DIFFERENCE_HEADER, segment_type(types[i]), flags_text(e, s), flags_text(e, t));
        if (difference == NULL)
            return;
        difference->vendor.section = difference->rebuilt.section = "program headers";
        difference->vendor_value.number = s != NULL ? s->flags : 0;
        difference->rebuilt_value.number = t != NULL ? t->flags : 0;
    }
    const char *left = load_flags(e, a), *right = load_flags(e, b);
    if (left != NULL && right != NULL && strcmp(left, right) != 0)
        tell(e, DIFFERENCE_HEADER, "segment flags", left, right);
}

/* ---- Dynamic section ---- */

enum dynamic_form { FORM_PRESENCE = 0, FORM_STRING, FORM_NUMBER };

static const struct dynamic_tag {
    int64_t tag;
    const char *name;
    enum dynamic_form form;
} dynamic_tags[] = {
    {DT_NEEDED, "DT_NEEDED", FORM_STRING},
    {DT_SONAME, "DT_SONAME", FORM_STRING},
    {DT_RPATH, "DT_RPATH", FORM_STRING},
    {DT_RUNPATH, "DT_RUNPATH", FORM_STRING},
    {DT_AUXILIARY, "DT_AUXILIARY", FORM_STRING},
    {DT_FILTER, "DT_FILTER", FORM_STRING},
    {DT_AUDIT, "DT_AUDIT", FORM_STRING},
    {DT_DEPAUDIT, "DT_DEPAUDIT", FORM_STRING},
    {DT_FLAGS, "DT_FLAGS", FORM_NUMBER},
    {DT_FLAGS_1, "DT_FLAGS_1", FORM_NUMBER},
    {DT_HASH, "DT_HASH", FORM_PRESENCE},
    {DT_GNU_HASH, "DT_GNU_HASH", FORM_PRESENCE},
    {DT_BIND_NOW, "DT_BIND_NOW", FORM_PRESENCE},
    {DT_TEXTREL, "DT_TEXTREL", FORM_PRESENCE},
    {DT_SYMBOLIC, "DT_SYMBOLIC", FORM_PRESENCE},
    {DT_DEBUG, "DT_DEBUG", FORM_PRESENCE},
    {DT_INIT, "DT_INIT", FORM_PRESENCE},
    {DT_FINI, "DT_FINI", FORM_PRESENCE},
    {DT_PREINIT_ARRAY, "DT_PREINIT_ARRAY", FORM_PRESENCE},
    {36, "DT_RELR", FORM_PRESENCE},
};

static const char *dynamic_text(struct explaining *e, const struct image *image, const struct dynamic_tag *tag,
                                uint64_t value)
{
    if (tag->form == FORM_STRING)
        return dynamic_string(image, value);
    return tag->form == FORM_NUMBER ? arena_printf(e->arena, "%#jx", (uintmax_t)value) : "there";
}

/* The values of one tag, in the file's order. */
static struct names dynamic_values(struct explaining *e, size_t side, const struct dynamic_tag *tag)
{
    const struct image *image = e->sides[side].image;
    struct list list = {.arena = e->arena, .item_size = sizeof(char *)};
    for (size_t i = 0; i < image->dynamic_count; i++) {
        if (image->dynamic[i].tag != tag->tag)
            continue;
        const char *text = dynamic_text(e, image, tag, image->dynamic[i].value), **added = list_add(&list);
        if (added == NULL) {
            e->out_of_memory = true;
            break;
        }
        *added = text != NULL ? text : "a string that is not there";
    }
    return (struct names){list.items, list.count};
}

static void explain_dynamic(struct explaining *e)
{
    for (size_t i = 0; i < ARRAY_COUNT(dynamic_tags); i++) {
        struct names a = dynamic_values(e, 0, &dynamic_tags[i]), b = dynamic_values(e, 1, &dynamic_tags[i]);
        size_t x = 0, y = 0;
        while (x < a.count || y < b.count) {
            bool both = x < a.count && y < b.count;
            if (both && strcmp(a.items[x], b.items[y]) == 0) {
                x++, y++;
                continue;
            }
            /* One more or less in the middle is no change of all behind it. */
            bool only_a = both && x + 1 < a.count && strcmp(a.items[x + 1], b.items[y]) == 0;
            bool only_b = both && !only_a && y + 1 < b.count && strcmp(a.items[x], b.items[y + 1]) == 0;
            struct difference *difference =
                tell(e, DIFFERENCE_DYNAMIC, dynamic_tags[i].name, x < a.count && !only_b ? a.items[x] : NULL,
                     y < b.count && !only_a ? b.items[y] : NULL);
            if (difference == NULL)
                return;
            difference->vendor.section = difference->rebuilt.section = ".dynamic";
            x += x < a.count && !only_b;
            y += y < b.count && !only_a;
        }
    }
}

/* ---- Notes ---- */

static bool note_is(const struct image *image, const struct note *note, const char *owner, uint32_t type)
{
    /* Go's linker counts the padding, too: "Go\0\0". */
    size_t size = strlen(owner) + 1;
    return note->type == type && range_size(note->name) >= size && range_size(note->name) < size + 4 &&
           memcmp(image->bytes + note->name.begin, owner, size) == 0 &&
           image_all_zero(image, (struct range){note->name.begin + size, note->name.end});
}

static const char *note_name(struct explaining *e, const struct image *image, const struct note *note)
{
    static const struct {
        const char *owner;
        uint32_t type;
        const char *name;
    } known[] = {
        {"GNU", NT_GNU_BUILD_ID, "GNU build ID"}, {"GNU", NT_GNU_PROPERTY_TYPE_0, "GNU property"},
        {"GNU", NT_GNU_ABI_TAG, "GNU ABI tag"},   {"GNU", 4, "gold version"},
        {"FDO", 0xcafe1a7e, "package note"},      {"Go", 4, "Go build ID"},
    };
    char owner[64];
    for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
        if (note_is(image, note, known[i].owner, known[i].type))
            return known[i].name;
    }
    uint64_t size = range_size(note->name);
    escape_bytes(owner, sizeof(owner), image->bytes + note->name.begin, size > 0 ? size - 1 : 0);
    return arena_printf(e->arena, "note %s/%#x", owner, note->type);
}

/* Notes seen by program header and by section header are one. */
static bool seen_before(const struct image *image, size_t index)
{
    for (size_t i = index; i > 0 && index - i < 64; i--) {
        if (image->notes[i - 1].whole.begin == image->notes[index].whole.begin)
            return true;
    }
    return false;
}

static const struct note *note_like(const struct image *image, const struct image *other, const struct note *note,
                                    size_t nth)
{
    for (size_t i = 0; i < image->note_count; i++) {
        const struct note *mine = &image->notes[i];
        if (mine->type == note->type && !seen_before(image, i) && range_size(mine->name) == range_size(note->name) &&
            memcmp(image->bytes + mine->name.begin, other->bytes + note->name.begin, range_size(note->name)) == 0 &&
            nth-- == 0)
            return mine;
    }
    return NULL;
}

static size_t notes_like_before(const struct image *image, size_t index)
{
    size_t count = 0;
    for (size_t i = 0; i < index; i++)
        count += !seen_before(image, i) && image->notes[i].type == image->notes[index].type &&
                 range_size(image->notes[i].name) == range_size(image->notes[index].name);
    return count;
}

static void set_note(struct explaining *e, struct difference *difference, size_t side, const struct note *note)
{
    const struct image *image = e->sides[side].image;
    struct value *value = side == 0 ? &difference->vendor_value : &difference->rebuilt_value;
    char text[2 * 40 + 1] = "";
    if (note == NULL)
        return;
    uint64_t size = range_size(note->descriptor);
    place_set(e, side == 0 ? &difference->vendor : &difference->rebuilt, side, note->descriptor);
    difference_takes(e, difference, side, note->whole);
    value_bytes(e, value, image->bytes + note->descriptor.begin, size);
    if (strcmp(difference->what, "package note") == 0 || strcmp(difference->what, "Go build ID") == 0)
        return;
    for (uint64_t i = 0; i < size && i < 40; i++)
        snprintf(text + 2 * i, 3, "%02x", image->bytes[note->descriptor.begin + i]);
    value->text = arena_printf(e->arena, "%s%s", text, size > 40 ? "..." : "");
}

static void explain_note(struct explaining *e, const struct note *a, const struct note *b)
{
    const struct image *image = e->sides[a != NULL ? 0 : 1].image;
    const char *name = note_name(e, image, a != NULL ? a : b);
    struct difference *difference = name != NULL ? difference_add(e, DIFFERENCE_NOTE, name) : NULL;
    if (difference == NULL)
        return;
    set_note(e, difference, 0, a);
    set_note(e, difference, 1, b);
}

/* More notes than this no honest file has; they are told of as bytes. */
#define NOTES_MOST 256

static void explain_notes(struct explaining *e)
{
    const struct image *a = e->sides[0].image, *b = e->sides[1].image;
    if (a->note_count > NOTES_MOST || b->note_count > NOTES_MOST) {
        incomplete(e, "there are too many notes to tell of each");
        return;
    }
    for (size_t i = 0; i < a->note_count; i++) {
        if (seen_before(a, i))
            continue;
        const struct note *x = &a->notes[i], *y = note_like(b, a, x, notes_like_before(a, i));
        if (y == NULL || range_size(x->descriptor) != range_size(y->descriptor) ||
            memcmp(a->bytes + x->descriptor.begin, b->bytes + y->descriptor.begin, range_size(x->descriptor)) != 0)
            explain_note(e, x, y);
    }
    for (size_t i = 0; i < b->note_count; i++) {
        if (!seen_before(b, i) && note_like(a, b, &b->notes[i], notes_like_before(b, i)) == NULL)
            explain_note(e, NULL, &b->notes[i]);
    }
}

/* ---- Which sections there are ---- */

static const struct section *section_named_first(const struct image *image, const char *name)
{
    for (uint64_t i = 1; i < image->section_count; i++) {
        if (strcmp(image->sections[i].name, name) == 0)
            return &image->sections[i];
    }
    return NULL;
}

static void set_section(struct explaining *e, struct difference *difference, size_t side, const char *name,
                        bool compression)
{
    const struct section *section = section_named_first(e->sides[side].image, name);
    struct place *place = side == 0 ? &difference->vendor : &difference->rebuilt;
    struct value *value = side == 0 ? &difference->vendor_value : &difference->rebuilt_value;
    if (section == NULL)
        return;
    place->present = true;
    place->section = section->name;
    place->bytes = section->bytes;
    difference_takes(e, difference, side, section->bytes);
    if (compression)
        value_text(e, value, "%s", (section->flags & SHF_COMPRESSED) != 0 ? "compressed" : "plain");
    else
        value_text(e, value, "%s", section->name);
}

/* What comes before the last dot, and is more than a dot: ".gnu.lto_main" of ".gnu.lto_main.5f3a". */
static size_t stem(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL && dot > name + 1 ? (size_t)(dot - name) : 0;
}

static void tell_section(struct explaining *e, const char *vendor, const char *rebuilt, bool compression)
{
    struct difference *difference = difference_add(e, DIFFERENCE_SECTION, vendor != NULL ? vendor : rebuilt);
    if (difference == NULL)
        return;
    if (vendor != NULL)
        set_section(e, difference, 0, vendor, compression);
    if (rebuilt != NULL)
        set_section(e, difference, 1, rebuilt, compression);
}

#define SECTIONS_TOLD 400

static void explain_presence(struct explaining *e)
{
    struct names a, b;
    names_apart(e, &e->clues.vendor.sections, &e->clues.rebuilt.sections, &a, &b);
    size_t y = 0;
    for (size_t i = 0; !e->out_of_memory && i < a.count && i < SECTIONS_TOLD; i++) {
        size_t length = stem(a.items[i]);
        while (y < b.count && length > 0 && strncmp(b.items[y], a.items[i], length) < 0)
            tell_section(e, NULL, b.items[y++], false);
        bool alike =
            y < b.count && length > 0 && stem(b.items[y]) == length && memcmp(a.items[i], b.items[y], length) == 0;
        tell_section(e, a.items[i], alike ? b.items[y++] : NULL, false);
    }
    for (; !e->out_of_memory && y < b.count && y < SECTIONS_TOLD; y++)
        tell_section(e, NULL, b.items[y], false);
}

static void explain_compression(struct explaining *e)
{
    for (size_t i = 0; i < e->input->pair_count; i++) {
        const struct pair *pair = &e->input->pairs[i];
        if (pair->owner != OWNER_SECTION || pair->vendor.section == UINT32_MAX || pair->rebuilt.section == UINT32_MAX)
            continue;
        const struct section *a = &e->sides[0].image->sections[pair->vendor.section];
        const struct section *b = &e->sides[1].image->sections[pair->rebuilt.section];
        if (((a->flags ^ b->flags) & SHF_COMPRESSED) != 0 && strcmp(a->name, b->name) == 0)
            tell_section(e, a->name, b->name, true);
    }
}

static void explain_sections(struct explaining *e)
{
    /* A file without section headers has no names to compare. */
    if (e->clues.vendor.has_section_headers && e->clues.rebuilt.has_section_headers) {
        explain_presence(e);
        explain_compression(e);
    } else if (e->clues.vendor.has_section_headers != e->clues.rebuilt.has_section_headers) {
        struct difference *difference = difference_add(e, DIFFERENCE_SECTION, "section headers");
        if (difference == NULL)
            return;
        difference->vendor.present = e->clues.vendor.has_section_headers;
        difference->rebuilt.present = e->clues.rebuilt.has_section_headers;
    }
}

/* ---- .comment, and the links to debug files ---- */

static void take_section(struct explaining *e, size_t first, const char *name)
{
    if (first >= e->differences.count)
        return;
    struct difference *difference = (struct difference *)e->differences.items + first;
    for (size_t side = 0; side < 2; side++) {
        const struct section *section = section_named_first(e->sides[side].image, name);
        if (section == NULL)
            continue;
        place_set(e, side == 0 ? &difference->vendor : &difference->rebuilt, side, section->bytes);
        difference_takes(e, difference, side, section->bytes);
    }
}

static void explain_comment(struct explaining *e)
{
    size_t first = e->differences.count;
    if (section_named_first(e->sides[0].image, ".comment") == NULL ||
        section_named_first(e->sides[1].image, ".comment") == NULL)
        return;
    names_tell(e, DIFFERENCE_COMMENT, ".comment", &e->clues.vendor.comments, &e->clues.rebuilt.comments, 16);
    take_section(e, first, ".comment");
}

/* The file's name, and what stands behind it. */
static const char *link_parts(const struct image *image, const char *name, uint64_t align, const uint8_t **behind,
                              uint64_t *size)
{
    const struct section *section = section_named_first(image, name);
    if (section == NULL || range_empty(section->bytes))
        return NULL;
    const char *text = (const char *)image->bytes + section->bytes.begin;
    uint64_t length = strnlen(text, range_size(section->bytes)), from = (length + align) / align * align;
    if (from >= range_size(section->bytes))
        return NULL;
    *behind = image->bytes + section->bytes.begin + from;
    *size = range_size(section->bytes) - from;
    return text;
}

static void explain_link(struct explaining *e, const char *section, uint64_t align, const char *name_what,
                         const char *rest_what)
{
    const uint8_t *behind_a = NULL, *behind_b = NULL;
    uint64_t size_a = 0, size_b = 0;
    size_t first = e->differences.count;
    const char *a = link_parts(e->sides[0].image, section, align, &behind_a, &size_a);
    const char *b = link_parts(e->sides[1].image, section, align, &behind_b, &size_b);
    if (a == NULL || b == NULL)
        return;
    if (strcmp(a, b) != 0)
        tell(e, DIFFERENCE_LINK, name_what, a, b);
    if (size_a != size_b || memcmp(behind_a, behind_b, size_a) != 0) {
        struct difference *difference = difference_add(e, DIFFERENCE_LINK, rest_what);
        char text[2 * 32 + 1];
        for (size_t side = 0; difference != NULL && side < 2; side++) {
            struct value *value = side == 0 ? &difference->vendor_value : &difference->rebuilt_value;
            value->bytes = side == 0 ? behind_a : behind_b;
            value->size = side == 0 ? size_a : size_b;
            for (uint64_t i = 0; i < value->size && i < 32; i++)
                snprintf(text + 2 * i, 3, "%02x", value->bytes[i]);
            value->text = arena_strdup(e->arena, text);
            place_set(e, side == 0 ? &difference->vendor : &difference->rebuilt, side,
                      section_named_first(e->sides[side].image, section)->bytes);
        }
    }
    take_section(e, first, section);
}

void tables_explain(struct explaining *e)
{
    explain_elf_header(e);
    explain_segments(e);
    explain_dynamic(e);
    explain_notes(e);
    explain_sections(e);
    explain_comment(e);
    explain_link(e, ".gnu_debuglink", 4, ".gnu_debuglink name", ".gnu_debuglink CRC");
    explain_link(e, ".gnu_debugaltlink", 1, ".gnu_debugaltlink name", ".gnu_debugaltlink build ID");
}
