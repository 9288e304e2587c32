/* The tally of a function's directory: entries and bytes, in one small file beside them.
 *
 * It is written in place, in one call, by who holds its lock: a new file under its name for each
 * store would cost as much as the store. What a crash left of it, or what anybody else wrote there,
 * fails its checksum and counts as nothing. A process that dies between its entry and the tally
 * leaves it wrong by one entry: so who bounds bytes adds to it before he publishes, which leaves it
 * too high, never too low; and what is wrong becomes right where the directory is listed, all of it
 * or a part at a time (disk/hand.c). */
#include "disk/tally.h"
#include "base/listing.h"
#include "base/os.h"
#include "disk/sealed.h"

#include <fcntl.h>
#include <string.h>

/* Held while a few hundred files are asked for their times, and by who finds no tally while the
 * directory is listed: a second is a listing of a million. Who does not get it goes on without, and
 * the next listing sets it right. */
#define LOCK_MILLISECONDS 1000

/* What the file holds, in the machine's own order of bytes: another machine takes it for damaged,
 * and counts for itself. */
typedef struct record {
    char magic[8];
    int64_t entries;
    int64_t bytes;
    unsigned char sum[LC_CHECKSUM_SIZE];
} record;

static const char magic[8] = {'l', 'c', 't', 'a', 'l', 'l', 'y', '1'};

static bool read_record(lc_tally *out, int fd)
{
    record got;
    bool sound = lc_sealed_read(&got, sizeof got, fd) &&
                 memcmp(got.magic, magic, sizeof magic) == 0 && got.entries >= 0 && got.bytes >= 0;
    if (sound)
        *out = (lc_tally){got.entries, got.bytes};
    return sound;
}

bool lc_tally_read(lc_tally *out, const lc_directory *at)
{
    int fd = lc_sealed_open(at, LC_TALLY, O_RDONLY);
    if (fd < 0)
        return false;
    bool known = read_record(out, fd);
    lc_close(fd);
    return known;
}

bool lc_tally_begin(lc_tallying *out, const lc_directory *at, bool make)
{
    *out = (lc_tallying){.at = at};
    out->fd = lc_tally_held_take(&out->which, at);
    if (out->fd < 0)
        out->fd = lc_sealed_open(at, LC_TALLY, O_RDWR | (make ? O_CREAT : 0));
    if (out->fd < 0)
        return false;
    out->locked = lc_lock_within(out->fd, LOCK_MILLISECONDS, NULL, NULL) == 0;
    out->known = read_record(&out->before, out->fd);
    if (!out->known && !lc_sealed_may_write(out->fd, at, LC_TALLY)) {
        if (out->locked)
            lc_unlock(out->fd);
        lc_close(out->fd);
        return false;
    }
    if (!out->known)
        out->before = (lc_tally){-1, -1};
    out->now = out->known ? out->before : (lc_tally){0, 0};
    return true;
}

void lc_tally_end(lc_tallying *in)
{
    record all = {.entries = in->now.entries > 0 ? in->now.entries : 0,
                  .bytes = in->now.bytes > 0 ? in->now.bytes : 0};
    if (in->known && (all.entries != in->before.entries || all.bytes != in->before.bytes)) {
        memcpy(all.magic, magic, sizeof magic);
        (in->stored ? lc_sealed_write_within : lc_sealed_write)(in->fd, &all, sizeof all);
    }
    if (in->locked)
        lc_unlock(in->fd);
    if (!lc_tally_held_put(in->at, in->fd, &in->which))
        lc_close(in->fd);
}

void lc_tally_add(const lc_directory *at, lc_tally more)
{
    lc_tallying in;
    if (!lc_tally_begin(&in, at, false))
        return;
    lc_tally_plus(&in.now, more.entries, more.bytes);
    lc_tally_end(&in);
}

void lc_tally_removed(const lc_directory *at, const struct stat *found)
{
    if (S_ISREG(found->st_mode))
        lc_tally_add(at, (lc_tally){-1, -(int64_t)found->st_size});
}

typedef struct counting {
    const lc_directory *at;
    lc_tally sum;
} counting;

static bool weigh_entry(void *context, const char *name)
{
    counting *in = context;
    struct stat found;
    if (name[0] != '.' && lc_fstatat(in->at->dir, name, &found) == 0 && S_ISREG(found.st_mode))
        lc_tally_plus(&in->sum, 1, (int64_t)found.st_size);
    return true;
}

bool lc_tally_survey(lc_tally *out, const lc_directory *at)
{
    counting in = {.at = at};
    if (lc_each_name(at->dir, weigh_entry, &in) != 0)
        return false;
    *out = in.sum;
    return true;
}
