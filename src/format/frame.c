/* Zstandard frames, by libzstd.
 *
 * What is read may come from anybody. So a frame says how large its content is, and no more than
 * that is ever written, into memory that was found to be there; and it is the whole part, so that
 * no byte of an entry is one that nobody looks at. Skippable frames, which hold what a reader
 * passes over, and such as need a dictionary are refused.
 *
 * libzstd allocates by malloc(): what it takes is bounded by the level, and given back at once. */
#include "format/frame.h"
#include "base/fault.h"
#include "base/zstd.h"

/* What is handed over at a time. More or less makes no difference; libzstd copies it to a buffer of
 * its own. */
#define PIECE_SIZE ((size_t)1 << 20)

/* A block has 4 bytes at least, and a content of 128 KiB at most. What says more for its size is
 * refused before memory is taken for it. */
#define BLOCK_LEAST 4
#define BLOCK_CONTENT ((uint64_t)128 << 10)

bool lc_frame_size(uint64_t *out, lc_span frame)
{
    static const unsigned char magic[] = {0x28, 0xB5, 0x2F, 0xFD};
    const lc_zstd *zstd = lc_zstd_load();
    const unsigned char *head = frame.data;
    if (zstd == NULL || frame.size < sizeof magic)
        return false;
    /* Not memcmp() of 4 bytes that libzstd would take for a skippable frame, of which it says that
     * its content has 0 bytes. */
    for (size_t i = 0; i < sizeof magic; i++)
        if (head[i] != magic[i])
            return false;
    /* "Unknown" and "error" are the two largest numbers. */
    unsigned long long size = zstd->getFrameContentSize(frame.data, frame.size);
    if (size > INT64_MAX || zstd->findFrameCompressedSize(frame.data, frame.size) != frame.size)
        return false;
    if (size / BLOCK_CONTENT > frame.size / BLOCK_LEAST)
        return false;
    *out = size;
    return true;
}

lc_expander *lc_expander_new(void)
{
    const lc_zstd *zstd = lc_zstd_load();
    return zstd == NULL || lc_fault("alloc") ? NULL : zstd->createDCtx();
}

void lc_expander_free(lc_expander *expander)
{
    if (expander != NULL)
        lc_zstd_load()->freeDCtx(expander);
}

bool lc_frame_expand(void *out, size_t size, lc_span frame, lc_expander *expander)
{
    return lc_zstd_load()->decompressDCtx(expander, out, size, frame.data, frame.size) == size;
}

lc_compressor *lc_compressor_new(int level)
{
    const lc_zstd *zstd = lc_zstd_load();
    ZSTD_CCtx *made = zstd == NULL || lc_fault("alloc") ? NULL : zstd->createCCtx();
    /* A level beyond libzstd's own is its highest. */
    if (made != NULL &&
        zstd->isError(zstd->CCtx_setParameter(made, ZSTD_c_compressionLevel, level))) {
        zstd->freeCCtx(made);
        made = NULL;
    }
    return made;
}

void lc_compressor_free(lc_compressor *compressor)
{
    if (compressor != NULL)
        lc_zstd_load()->freeCCtx(compressor);
}

size_t lc_frame_bound(size_t size)
{
    const lc_zstd *zstd = lc_zstd_load();
    size_t bound = zstd->compressBound(size);
    return zstd->isError(bound) ? 0 : bound;
}

/* Hand over a piece, with nothing left of it in the end. False: no memory, or no room. */
static bool compress_piece(ZSTD_outBuffer *to, lc_compressor *compressor, lc_span piece, bool last)
{
    const lc_zstd *zstd = lc_zstd_load();
    ZSTD_inBuffer from = {.src = piece.data, .size = piece.size};
    bool done = false;
    while (!done) {
        size_t before = to->pos + from.pos;
        size_t left =
            zstd->compressStream2(compressor, to, &from, last ? ZSTD_e_end : ZSTD_e_continue);
        if (zstd->isError(left))
            return false;
        done = from.pos == from.size && (!last || left == 0);
        if (!done && to->pos + from.pos == before)
            return false;
    }
    return true;
}

/* In pieces, and the end apart, so that libzstd copies what it is given rather than to read it
 * where it is, several times over. */
size_t lc_frame_compress(void *out, size_t room, lc_span content, lc_compressor *compressor)
{
    const lc_zstd *zstd = lc_zstd_load();
    ZSTD_outBuffer to = {.dst = out, .size = room};
    if (zstd->isError(zstd->CCtx_reset(compressor, ZSTD_reset_session_only)) ||
        zstd->isError(zstd->CCtx_setPledgedSrcSize(compressor, content.size)))
        return 0;
    const unsigned char *at = content.data;
    size_t left = content.size;
    while (left > 0) {
        size_t size = left < PIECE_SIZE ? left : PIECE_SIZE;
        if (!compress_piece(&to, compressor, (lc_span){at, size}, false))
            return 0;
        at += size;
        left -= size;
    }
    return compress_piece(&to, compressor, (lc_span){NULL, 0}, true) ? to.pos : 0;
}
