/* Zstandard frames (RFC 8878), as compressed entries have them: one for each part, which says how
 * large its content is. No I/O, but for libzstd, which the first to need it loads: where it is
 * missing, no frame says a size, and nothing is there to decompress or compress it. Any thread. */
#ifndef LC_FRAME_H
#define LC_FRAME_H

#include "base/hash.h"

/* The content's size, in bytes, of what is to be one whole frame and nothing else; nothing of it is
 * decompressed. False: it is not, or its size is not said, or past INT64_MAX. */
bool lc_frame_size(uint64_t *out, lc_span frame);

/* What decompresses frames, one after the other, one thread at a time. NULL: no memory. */
typedef struct ZSTD_DCtx_s lc_expander;
lc_expander *lc_expander_new(void);
void lc_expander_free(lc_expander *expander);
/* The content of a frame into out, which has room for `size` bytes. False: it is damaged, or is not
 * as large. */
bool lc_frame_expand(void *out, size_t size, lc_span frame, lc_expander *expander);

/* What compresses, one thread at a time. NULL: no memory. */
typedef struct ZSTD_CCtx_s lc_compressor;
lc_compressor *lc_compressor_new(int level);
void lc_compressor_free(lc_compressor *compressor);
/* Bytes that a frame of a content of `size` bytes has at most; 0: past SIZE_MAX. */
size_t lc_frame_bound(size_t size);
/* Write a frame, into room for lc_frame_bound() bytes: its size. Each byte of the content is read
 * once, so that who changes it meanwhile cannot make the frame another than it says. 0: no
 * memory. */
size_t lc_frame_compress(void *out, size_t room, lc_span content, lc_compressor *compressor);

#endif
