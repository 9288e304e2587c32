/* Small files in .locache/ that are written in place: a record, and the checksum of it behind it.
 * What a crash tore, what is cut off, and what anybody else wrote there counts as nothing. Any
 * thread. */
#ifndef LC_SEALED_H
#define LC_SEALED_H

#include "base/hash.h"
#include "disk/directory.h"

#include <stdbool.h>
#include <stddef.h>

/* Open `name`, which begins with LC_META, with O_RDONLY or O_RDWR, and O_CREAT or not; -1: there is
 * none, or what is there is no file of ours. */
int lc_sealed_open(const lc_directory *at, const char *name, int flags);
/* Is it ours to write to? To be asked where it holds no record of ours, which says as much. */
bool lc_sealed_may_write(int fd, const lc_directory *at, const char *name);
/* A record of `size` bytes whose last LC_CHECKSUM_SIZE are the checksum of those before. False: the
 * file holds no such. */
bool lc_sealed_read(void *record, size_t size, int fd);
/* Fill the checksum in, and write it. */
void lc_sealed_write(int fd, void *record, size_t size);
/* As lc_pwrite_within(). */
void lc_sealed_write_within(int fd, void *record, size_t size);

#endif
