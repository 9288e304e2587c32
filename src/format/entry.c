/* An entry's file as bytes: validated when it is parsed, laid out when it is built.
 *
 * What is parsed may come from a crash, a foreign program or an attacker. So no length is used
 * before it was compared with what is really there, sums are formed such that they cannot overflow,
 * and nothing is accepted that the builder would not have written: one entry has one form, and no
 * byte of a file is one that nobody checks. Everything stands at the offsets below rather than in a
 * struct, which would have the machine's byte order and the compiler's padding.
 *
 * The checksum is the commit record. A rename can be on disk before the data is, and a power cut
 * then leaves a file of the right name and length full of zeros, or a part of one: parsing refuses
 * it as damaged, and the result is computed again. */
#include "format/entry.h"
#include "base/error.h"
#include "base/mapping.h"

#include <string.h>

/* Offsets in the header. */
enum {
    AT_VERSION = 8,
    AT_CODEC = 10,
    AT_FLAGS = 11,
    AT_BUFFER_COUNT = 12,
    AT_KEY_SIZE = 16,
    AT_BODY_SIZE = 24,
    AT_CREATED = 32,
    AT_COMPUTE_TIME = 40,
    AT_EXPIRES = 48,
    AT_RESERVED = 56,
    AT_FUNCTION = 64,
    AT_VERSION_ID = 80,
    AT_MAC = 96,
    AT_CHECKSUM = 128,
};
_Static_assert(AT_MAC + LC_MAC_SIZE == AT_CHECKSUM, "the MAC is of all that is before it");
_Static_assert(AT_CHECKSUM + LC_CHECKSUM_SIZE == LC_ENTRY_HEADER, "the checksum ends the header");

#define FORMAT_VERSION 2
#define FLAG_MAC 1
#define FLAG_ZSTD 2
/* What this key signs for this use is never taken for what it signs for another. */
#define PERSON_MAC "locache entry\0\0"
_Static_assert(sizeof PERSON_MAC == LC_PERSON_SIZE, "exactly the parameter's size");
/* What is in memory at a time of a buffer that passes: enough that leaving it costs nothing. */
#define PASSING_SIZE ((size_t)1 << 20)
#define END_SIZE 8 /* of a buffer's end in the table */

/* As PNG's: the high bit shows a transfer that strips it, CR LF and LF one that rewrites line ends,
 * 1A ends a DOS listing. */
static const unsigned char magic[LC_ENTRY_MAGIC_SIZE] = {0x89, 'L',  'O',  'C',
                                                         '\r', '\n', 0x1A, '\n'};

/* Padding, and what the checksum sees in place of its own field. */
static const unsigned char zeros[LC_ENTRY_ALIGN];
_Static_assert(sizeof zeros >= LC_CHECKSUM_SIZE, "one size is enough for both");

/* -------------------------------------------------------------------------------- little-endian */

/* By the byte: unaligned, on any machine. Compilers make one instruction of it. */
static uint64_t load(const unsigned char *at, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static void store_le(unsigned char *at, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

/* Two's complement, whatever the machine's conversions do. */
static int64_t load_time(const unsigned char *at)
{
    uint64_t bits = load(at, 8);
    return bits <= INT64_MAX ? (int64_t)bits : -(int64_t)(UINT64_MAX - bits) - 1;
}

/* Without an early end: at most 63 bytes, and compilers make vectors of it. */
static bool all_zero(const unsigned char *at, size_t size)
{
    unsigned char any = 0;
    for (size_t i = 0; i < size; i++)
        any |= at[i];
    return any == 0;
}

/* How many bytes of padding bring an offset to the next multiple of LC_ENTRY_ALIGN. Unsigned
 * arithmetic is modulo a power of two, which LC_ENTRY_ALIGN divides. */
static size_t padding_after(uint64_t offset)
{
    return (size_t)(-offset % LC_ENTRY_ALIGN);
}

/* -------------------------------------------------------------------------------------- reading */

bool lc_entry_has_magic(const unsigned char *head)
{
    return memcmp(head, magic, sizeof magic) == 0;
}

/* What this version cannot read, it must not judge: a higher format version may have any flags,
 * codecs and lengths, so that this comes before all of them. */
static locache_status check_version(const unsigned char *head, locache_error *error)
{
    if (!lc_entry_has_magic(head))
        return lc_fail(error, LOCACHE_ECORRUPT,
                       "not an entry of locache: its first bytes are others");
    uint64_t version = load(head + AT_VERSION, 2);
    if (version == 0)
        return lc_fail(error, LOCACHE_ECORRUPT, "damaged: format version 0");
    if (version < FORMAT_VERSION)
        return LOCACHE_MISS;
    if (version > FORMAT_VERSION)
        return lc_fail(
            error, LOCACHE_EFORMAT,
            "written by a newer locache, in format version %u (this one reads %u): left alone",
            (unsigned)version, (unsigned)FORMAT_VERSION);
    return LOCACHE_OK;
}

locache_status lc_entry_peek(uint64_t *least, uint64_t *table, const unsigned char *head,
                             locache_error *error)
{
    locache_status status = check_version(head, error);
    if (status != LOCACHE_OK)
        return status;
    if (head[AT_CODEC] < LOCACHE_CODEC_CBOR || head[AT_CODEC] > LOCACHE_CODEC_RAW)
        return lc_fail(error, LOCACHE_ECORRUPT, "damaged: unknown codec %u",
                       (unsigned)head[AT_CODEC]);
    if ((head[AT_FLAGS] & ~(FLAG_MAC | FLAG_ZSTD)) != 0)
        return lc_fail(error, LOCACHE_ECORRUPT, "damaged: unknown flags %02x",
                       (unsigned)head[AT_FLAGS]);
    if (!all_zero(head + AT_RESERVED, 8))
        return lc_fail(error, LOCACHE_ECORRUPT, "damaged: the reserved field is not zero");
    /* Two forms of one entry else. That a MAC is there says nothing yet: any key can make one. */
    if (!lc_entry_has_mac(head) && !all_zero(head + AT_MAC, LC_MAC_SIZE))
        return lc_fail(error, LOCACHE_ECORRUPT, "damaged: a MAC without its flag");
    uint64_t count = load(head + AT_BUFFER_COUNT, 4);
    uint64_t key_size = load(head + AT_KEY_SIZE, 8);
    uint64_t body_size = load(head + AT_BODY_SIZE, 8);
    if (count > LC_ENTRY_BUFFERS_MAX)
        return lc_fail(error, LOCACHE_ECORRUPT, "damaged: %llu buffers", (unsigned long long)count);
    uint64_t size = LC_ENTRY_HEADER + count * END_SIZE;
    /* By subtraction, each from what is left, since a sum could wrap around to something small. */
    if (key_size > INT64_MAX - size || body_size > INT64_MAX - size - key_size)
        return lc_fail(error, LOCACHE_ECORRUPT, "damaged: lengths past any file's");
    *table = size;
    *least = size + key_size + body_size;
    return LOCACHE_OK;
}

/* Where the header of a parsed entry is: the key follows header and table without a gap. */
static const unsigned char *front_of(const lc_entry *entry)
{
    return (const unsigned char *)entry->key.data - LC_ENTRY_HEADER -
           (size_t)entry->buffer_count * END_SIZE;
}

/* Where that ends which is before the nth buffer: the body, or another buffer. The table is read
 * anew each time; that is safe where nobody else can write to it, and callers see to that (mapped.c
 * keeps it apart from the mapping). */
static size_t end_before(const lc_entry *entry, uint32_t n)
{
    const unsigned char *front = front_of(entry);
    if (n == 0)
        return (size_t)((const unsigned char *)entry->body.data - front) + entry->body.size;
    return (size_t)load(front + LC_ENTRY_HEADER + (size_t)(n - 1) * END_SIZE, END_SIZE);
}

/* Every buffer begins at the next multiple of LC_ENTRY_ALIGN, and the last one ends the file.
 * After this lc_entry_buffer() needs no check: ends ascend, and none is past the file's. */
static locache_status check_buffers(const lc_entry *entry, size_t size, locache_error *error)
{
    size_t end = end_before(entry, 0);
    for (uint32_t i = 0; i < entry->buffer_count; i++) {
        size_t padding = padding_after(end);
        uint64_t next = load(front_of(entry) + LC_ENTRY_HEADER + (size_t)i * END_SIZE, END_SIZE);
        if (padding > size - end || next < end + padding || next > size)
            return lc_fail(error, LOCACHE_ECORRUPT, "damaged: buffer %u is not within the file",
                           (unsigned)i);
        end = (size_t)next;
    }
    if (end != size)
        return lc_fail(error, LOCACHE_ECORRUPT, "damaged: %zu bytes too many", size - end);
    return LOCACHE_OK;
}

/* How far a file was looked through for padding. It may come in pieces, and a piece may end within
 * a gap or have many of them. */
typedef struct gaps {
    const lc_entry *entry;
    uint32_t next; /* the buffer before which it was not all seen */
    size_t at;     /* offset of the next piece in the file */
} gaps;

/* Is the padding zero in the piece of the file that comes next? */
static bool gaps_are_zero(gaps *seen, const unsigned char *piece, size_t size)
{
    size_t until = seen->at + size;
    bool zero = true;
    while (zero && seen->next < seen->entry->buffer_count) {
        size_t gap = end_before(seen->entry, seen->next);
        size_t start = gap + padding_after(gap);
        size_t from = gap > seen->at ? gap : seen->at;
        size_t to = start < until ? start : until;
        if (from < to)
            zero = all_zero(piece + (from - seen->at), to - from);
        /* The rest of this gap is in the next piece. */
        if (start > until)
            break;
        seen->next++;
    }
    seen->at = until;
    return zero;
}

static locache_status refuse_padding(locache_error *error)
{
    return lc_fail(error, LOCACHE_ECORRUPT, "damaged: padding that is not zero");
}

static locache_status refuse_checksum(locache_error *error)
{
    return lc_fail(error, LOCACHE_ECORRUPT, "damaged: the checksum is another");
}

const unsigned char *lc_entry_checksum(const unsigned char *head)
{
    return head + AT_CHECKSUM;
}

bool lc_entry_has_mac(const unsigned char *head)
{
    return (head[AT_FLAGS] & FLAG_MAC) != 0;
}

bool lc_entry_is_compressed(const unsigned char *head)
{
    return (head[AT_FLAGS] & FLAG_ZSTD) != 0;
}

uint64_t lc_entry_end_after(uint64_t end, uint64_t size)
{
    uint64_t padding = padding_after(end);
    if (end > INT64_MAX - padding || size > INT64_MAX - padding - end)
        return UINT64_MAX;
    return end + padding + size;
}

/* The checksum stands within what it is of: its own field counts as zeros. */
static bool checksum_right(const unsigned char *bytes, size_t size)
{
    const lc_span spans[] = {
        {bytes, AT_CHECKSUM},
        {zeros, LC_CHECKSUM_SIZE},
        {bytes + LC_ENTRY_HEADER, size - LC_ENTRY_HEADER},
    };
    unsigned char sum[LC_CHECKSUM_SIZE];
    lc_checksum(sum, spans, sizeof spans / sizeof *spans);
    return memcmp(sum, bytes + AT_CHECKSUM, sizeof sum) == 0;
}

/* Of a header that was peeked at. The spans have their sizes, and no data. */
static void take_head(lc_entry *out, const unsigned char *head)
{
    *out = (lc_entry){
        .codec = (locache_codec)head[AT_CODEC],
        .has_mac = lc_entry_has_mac(head),
        .created = load_time(head + AT_CREATED),
        .compute_time = load_time(head + AT_COMPUTE_TIME),
        .expires = load_time(head + AT_EXPIRES),
        .key = {NULL, (size_t)load(head + AT_KEY_SIZE, 8)},
        .body = {NULL, (size_t)load(head + AT_BODY_SIZE, 8)},
        .buffer_count = (uint32_t)load(head + AT_BUFFER_COUNT, 4),
        .compressed = lc_entry_is_compressed(head),
    };
    memcpy(out->function.bytes, head + AT_FUNCTION, LOCACHE_ID_SIZE);
    memcpy(out->version.bytes, head + AT_VERSION_ID, LOCACHE_ID_SIZE);
}

locache_status lc_entry_parse_head(lc_entry *out, uint64_t *key_at, const unsigned char *head,
                                   uint64_t size)
{
    uint64_t least = 0;
    locache_status status = lc_entry_peek(&least, key_at, head, NULL);
    if (status != LOCACHE_OK)
        return status;
    if (least > size || (*key_at == LC_ENTRY_HEADER && least != size))
        return LOCACHE_ECORRUPT;
    take_head(out, head);
    return LOCACHE_OK;
}

locache_status lc_entry_parse_front(lc_entry *out, const unsigned char *front, size_t size,
                                    locache_error *error)
{
    uint64_t least = 0;
    uint64_t table = 0;
    lc_entry entry;
    locache_status status = lc_entry_peek(&least, &table, front, error);
    if (status != LOCACHE_OK)
        return status;
    if (least > size)
        return lc_fail(error, LOCACHE_ECORRUPT, "damaged: cut short at %zu bytes of at least %llu",
                       size, (unsigned long long)least);
    take_head(&entry, front);
    entry.key.data = front + table;
    entry.body.data = front + table + entry.key.size;
    status = check_buffers(&entry, size, error);
    if (status == LOCACHE_OK)
        *out = entry;
    return status;
}

locache_status lc_entry_parse(lc_entry *out, const unsigned char *bytes, size_t size,
                              locache_error *error)
{
    lc_entry entry = {.buffer_count = 0};
    if (size < LC_ENTRY_HEADER)
        return lc_fail(error, LOCACHE_ECORRUPT, "damaged: %zu bytes, less than a header", size);
    locache_status status = lc_entry_parse_front(&entry, bytes, size, error);
    /* A newer entry is left alone for ever, an earlier one is a plain miss, a damaged one is an
     * error that the user hears of: one flipped bit in the format version must not make the first
     * two of the third. */
    if ((status == LOCACHE_EFORMAT || status == LOCACHE_MISS) && !checksum_right(bytes, size))
        return lc_fail(error, LOCACHE_ECORRUPT,
                       "damaged: a format version that is none, under a wrong checksum");
    if (status != LOCACHE_OK)
        return status;
    /* Padding is under the checksum, too, which whoever means harm can make right: what is in it
     * would be bytes that nobody else looks at. */
    gaps seen = {.entry = &entry, .at = end_before(&entry, 0)};
    if (!gaps_are_zero(&seen, bytes + seen.at, size - seen.at))
        return refuse_padding(error);
    if (!checksum_right(bytes, size))
        return refuse_checksum(error);
    *out = entry;
    return LOCACHE_OK;
}

/* A file as its checksum sees it: the front in three parts, then what next() gives. Each piece is
 * looked at for its padding on the way, so that the file is gone through once. */
typedef struct sight {
    lc_span front[3];
    unsigned shown; /* of these */
    bool (*next)(void *context, lc_span *piece);
    void *context;
    gaps seen;
    bool zero;
} sight;

static bool next_seen(void *context, lc_span *piece)
{
    sight *in = context;
    if (in->shown < sizeof in->front / sizeof *in->front) {
        *piece = in->front[in->shown++];
        /* Empty would be the end, as where there is neither table nor key nor body. */
        if (piece->size > 0)
            return true;
    }
    if (!in->next(in->context, piece))
        return false;
    in->zero = in->zero && gaps_are_zero(&in->seen, piece->data, piece->size);
    return true;
}

locache_status lc_entry_verify(const lc_entry *entry, bool (*next)(void *context, lc_span *piece),
                               void *context, locache_error *error)
{
    const unsigned char *front = front_of(entry);
    size_t front_size = end_before(entry, 0);
    unsigned char sum[LC_CHECKSUM_SIZE];
    sight in = {
        .front = {{front, AT_CHECKSUM},
                  {zeros, LC_CHECKSUM_SIZE},
                  {front + LC_ENTRY_HEADER, front_size - LC_ENTRY_HEADER}},
        .next = next,
        .context = context,
        .seen = {.entry = entry, .at = front_size},
        .zero = true,
    };
    if (!lc_checksum_pulled(sum, next_seen, &in))
        return LOCACHE_EIO;
    if (!in.zero)
        return refuse_padding(error);
    return memcmp(sum, front + AT_CHECKSUM, sizeof sum) == 0 ? LOCACHE_OK : refuse_checksum(error);
}

lc_span lc_entry_buffer(const unsigned char *bytes, const lc_entry *entry, uint32_t n)
{
    size_t before = end_before(entry, n);
    size_t start = before + padding_after(before);
    return (lc_span){bytes + start, end_before(entry, n + 1) - start};
}

/* The MAC: of the header up to where it stands, and of the digest of what follows the header. Over
 * header, key and body alike, so that a body cannot be moved to another call or function; by a
 * digest, so that what is large is read by several threads. `parts` is what follows. */
static void sign(unsigned char mac[LC_MAC_SIZE], const unsigned char key[LC_MAC_KEY_SIZE],
                 const unsigned char *head, const lc_span *parts, size_t count)
{
    unsigned char digest[LOCACHE_DIGEST_SIZE];
    lc_digest(digest, parts, count);
    const lc_span spans[] = {{head, AT_MAC}, {digest, sizeof digest}};
    lc_mac(mac, key, PERSON_MAC, spans, sizeof spans / sizeof *spans);
}

bool lc_entry_authentic(lc_span first, lc_span rest, const unsigned char key[LC_MAC_KEY_SIZE])
{
    const unsigned char *head = first.data;
    /* No MAC is no proof: it is for the caller to need one, by the codec. */
    if (!lc_entry_has_mac(head))
        return false;
    const lc_span parts[] = {
        {head + LC_ENTRY_HEADER, first.size - LC_ENTRY_HEADER},
        rest,
    };
    unsigned char mac[LC_MAC_SIZE];
    sign(mac, key, head, parts, sizeof parts / sizeof *parts);
    return lc_mac_equal(mac, head + AT_MAC);
}

void lc_entry_sign_anew(unsigned char *bytes, size_t size, const unsigned char key[LC_MAC_KEY_SIZE])
{
    const lc_span rest = {bytes + LC_ENTRY_HEADER, size - LC_ENTRY_HEADER};
    bytes[AT_FLAGS] |= FLAG_MAC;
    sign(bytes + AT_MAC, key, bytes, &rest, 1);
    memset(bytes + AT_CHECKSUM, 0, LC_CHECKSUM_SIZE);
    const lc_span whole = {bytes, size};
    unsigned char sum[LC_CHECKSUM_SIZE];
    lc_checksum(sum, &whole, 1);
    memcpy(bytes + AT_CHECKSUM, sum, sizeof sum);
}

/* -------------------------------------------------------------------------------------- writing */

size_t lc_entry_front_size(const lc_entry *entry)
{
    /* Files end at INT64_MAX, memory at SIZE_MAX. */
    const uint64_t limit = SIZE_MAX < INT64_MAX ? SIZE_MAX : INT64_MAX;
    if (entry->buffer_count > LC_ENTRY_BUFFERS_MAX)
        return 0;
    size_t table = LC_ENTRY_HEADER + (size_t)entry->buffer_count * END_SIZE;
    if (entry->key.size > limit - table || entry->body.size > limit - table - entry->key.size)
        return 0;
    return table + entry->key.size + entry->body.size;
}

size_t lc_entry_span_count(const lc_entry *entry)
{
    return 1 + 2 * (size_t)entry->buffer_count;
}

static void put_header(unsigned char *head, const lc_entry *entry, bool has_mac)
{
    /* The reserved field, and both digests' until they are known. */
    memset(head, 0, LC_ENTRY_HEADER);
    memcpy(head, magic, sizeof magic);
    store_le(head + AT_VERSION, FORMAT_VERSION, 2);
    head[AT_CODEC] = (unsigned char)entry->codec;
    head[AT_FLAGS] =
        (unsigned char)((has_mac ? FLAG_MAC : 0) | (entry->compressed ? FLAG_ZSTD : 0));
    store_le(head + AT_BUFFER_COUNT, entry->buffer_count, 4);
    store_le(head + AT_KEY_SIZE, entry->key.size, 8);
    store_le(head + AT_BODY_SIZE, entry->body.size, 8);
    store_le(head + AT_CREATED, (uint64_t)entry->created, 8);
    store_le(head + AT_COMPUTE_TIME, (uint64_t)entry->compute_time, 8);
    store_le(head + AT_EXPIRES, (uint64_t)entry->expires, 8);
    memcpy(head + AT_FUNCTION, entry->function.bytes, LOCACHE_ID_SIZE);
    memcpy(head + AT_VERSION_ID, entry->version.bytes, LOCACHE_ID_SIZE);
}

static unsigned char *put_span(unsigned char *at, lc_span span)
{
    if (span.size > 0)
        memcpy(at, span.data, span.size);
    return at + span.size;
}

/* Spans that are read once, from the first on. */
typedef struct passage {
    const lc_span *spans;
    size_t count;
    size_t n;
    size_t done;   /* of spans[n] */
    lc_span piece; /* what was given last */
    bool leaves;   /* it is a buffer's */
} passage;

static bool next_passing(void *context, lc_span *piece)
{
    passage *in = context;
    if (in->leaves)
        lc_map_leave(in->piece.data, in->piece.size);
    while (in->n < in->count && in->done == in->spans[in->n].size) {
        in->n++;
        in->done = 0;
    }
    in->piece = (lc_span){NULL, 0};
    in->leaves = in->n > 0 && in->n % 2 == 0; /* after the front, paddings and buffers take turns */
    if (in->n < in->count) {
        size_t rest = in->spans[in->n].size - in->done;
        in->piece.data = (const unsigned char *)in->spans[in->n].data + in->done;
        in->piece.size = rest < PASSING_SIZE ? rest : PASSING_SIZE;
        in->done += in->piece.size;
    }
    *piece = in->piece;
    return true;
}

static void sum_up_passing(unsigned char sum[LC_CHECKSUM_SIZE], const lc_span *spans, size_t count)
{
    passage in = {.spans = spans, .count = count};
    (void)lc_checksum_pulled(sum, next_passing, &in); /* next_passing() never fails */
}

void lc_entry_build(unsigned char *front, lc_span *spans, const lc_entry *entry,
                    const void *const *buffers, const size_t *sizes, const unsigned char *mac_key)
{
    put_header(front, entry, mac_key != NULL);
    unsigned char *ends = front + LC_ENTRY_HEADER;
    unsigned char *at = put_span(ends + (size_t)entry->buffer_count * END_SIZE, entry->key);
    at = put_span(at, entry->body);

    uint64_t end = (uint64_t)(at - front);
    size_t count = 0;
    spans[count++] = (lc_span){front, (size_t)end};
    for (uint32_t i = 0; i < entry->buffer_count; i++) {
        size_t padding = padding_after(end);
        spans[count++] = (lc_span){zeros, padding};
        spans[count++] = (lc_span){buffers[i], sizes[i]};
        end += padding + sizes[i];
        store_le(ends + (size_t)i * END_SIZE, end, END_SIZE);
    }

    /* First the MAC, then the checksum over it, whose own field is still zero. */
    if (mac_key != NULL) {
        spans[0] = (lc_span){front + LC_ENTRY_HEADER, spans[0].size - LC_ENTRY_HEADER};
        sign(front + AT_MAC, mac_key, front, spans, count);
        spans[0] = (lc_span){front, spans[0].size + LC_ENTRY_HEADER};
    }
    unsigned char sum[LC_CHECKSUM_SIZE];
    if (entry->passing)
        sum_up_passing(sum, spans, count);
    else
        lc_checksum(sum, spans, count);
    memcpy(front + AT_CHECKSUM, sum, sizeof sum);
}

void lc_entry_begin(unsigned char *front, lc_entry *entry)
{
    unsigned char *at = front + LC_ENTRY_HEADER + (size_t)entry->buffer_count * END_SIZE;
    put_header(front, entry, false);
    entry->body.data = put_span(at, entry->key);
    entry->key.data = at;
}

void lc_entry_set_end(unsigned char *front, uint32_t n, uint64_t end)
{
    store_le(front + LC_ENTRY_HEADER + (size_t)n * END_SIZE, end, END_SIZE);
}
