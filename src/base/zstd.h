/* libzstd, which is loaded when it is first needed: few results are compressed, and to look for a
 * library takes each program longer than all else that locache does at its start. */
#ifndef LC_ZSTD_H
#define LC_ZSTD_H

#include <zstd.h>

/* What is called of it. */
#define LC_ZSTD_FUNCTIONS(X)                                                                       \
    X(isError)                                                                                     \
    X(getFrameContentSize)                                                                         \
    X(findFrameCompressedSize)                                                                     \
    X(createDCtx)                                                                                  \
    X(freeDCtx)                                                                                    \
    X(decompressDCtx)                                                                              \
    X(createCCtx)                                                                                  \
    X(freeCCtx)                                                                                    \
    X(CCtx_setParameter)                                                                           \
    X(CCtx_reset)                                                                                  \
    X(CCtx_setPledgedSrcSize)                                                                      \
    X(compressStream2)                                                                             \
    X(compressBound)

#define LC_ZSTD_MEMBER(name) __typeof__(ZSTD_##name) *(name);
typedef struct lc_zstd {
    LC_ZSTD_FUNCTIONS(LC_ZSTD_MEMBER)
} lc_zstd;
#undef LC_ZSTD_MEMBER

#ifdef __APPLE__
#define LC_ZSTD_FILE "libzstd.1.dylib"
#else
#define LC_ZSTD_FILE "libzstd.so.1"
#endif

/* NULL: it is not installed, or has not all of them. Any thread. */
const lc_zstd *lc_zstd_load(void);

#endif
