/* Notes of waits in a function's lock file.
 *
 * A table has a slot for each wait; which of them is anybody's. Who says what is said already
 * writes nothing; else he takes a slot that is free, or where there is none one at random, so that
 * of many waits all are there now and then: who still waits for what was written over says it again
 * with his next look. So no lock is needed, and what a process that was killed left behind counts
 * only while one of its number has the turn, and is written over. */
#include "disk/wanted.h"
#include "base/alloc.h"
#include "base/os.h"
#include "base/system.h"

#include <string.h>

/* Half a page for a note, so that none lies across two. */
#define NOTE_SIZE 512
/* More waits within computations of one function at a time than there are, mostly; read at once. */
#define NOTES 64
#define TABLES 4
_Static_assert(TABLES *NOTES *NOTE_SIZE == LC_TURNS_NOTES, "what follows them begins there");

/* As they lie in the file, in this machine's byte order: others' are not whole, by their place. */
typedef struct note {
    uint64_t place;
    uint64_t process;
    uint64_t device;
    uint64_t inode;
    uint64_t wanted; /* place */
    uint64_t size;   /* bytes of path; 0: waits for nothing */
    char path[NOTE_SIZE - 6 * sizeof(uint64_t)];
} note;
_Static_assert(sizeof(note) == NOTE_SIZE, "a table is an array of them");

#define FRONT offsetof(note, path)

static uint64_t table_of(uint64_t place)
{
    return place % TABLES * (NOTES * NOTE_SIZE);
}

/* The table that a place's notes are in; what the file does not have is zeros. NULL: no memory, or
 * it cannot be read. */
static note *read_table(const lc_turns *turns, uint64_t place)
{
    note *table = lc_alloc(NOTES * NOTE_SIZE);
    if (table == NULL)
        return NULL;
    memset(table, 0, NOTES * NOTE_SIZE);
    if (lc_pread_full(turns->fd, table, NOTES * NOTE_SIZE, table_of(place)) >= 0)
        return table;
    lc_free(table);
    return NULL;
}

/* Its size: the path's, which is no longer than a wanted one has room for, behind the front. */
static size_t write_note(note *out, uint64_t place, const lc_wanted *wanted)
{
    size_t size = strlen(wanted->path);
    memset(out, 0, sizeof *out);
    out->place = place;
    out->process = lc_process();
    out->device = (uint64_t)wanted->device;
    out->inode = (uint64_t)wanted->inode;
    out->wanted = wanted->place;
    out->size = size;
    memcpy(out->path, wanted->path, size);
    return FRONT + size;
}

static bool put_note(const lc_turns *turns, unsigned slot, const note *said, size_t size)
{
    return lc_pwrite(turns->fd, said, size, table_of(said->place) + slot * NOTE_SIZE) == 0;
}

/* A slot for a new note. */
static unsigned slot_for(const note *table)
{
    for (unsigned slot = 0; slot < NOTES; slot++)
        if (table[slot].size == 0)
            return slot;
    /* The clock's nanoseconds, by the golden ratio: neighbours come apart. */
    return (unsigned)((uint64_t)lc_monotonic() * UINT64_C(0x9E3779B97F4A7C15) >> 32) % NOTES;
}

bool lc_wanted_tell(const lc_turns *turns, uint64_t place, const lc_wanted *wanted)
{
    note said;
    size_t size = write_note(&said, place, wanted);
    note *table = read_table(turns, place);
    if (table == NULL)
        return false;
    unsigned slot = 0;
    while (slot < NOTES && memcmp(&table[slot], &said, size) != 0)
        slot++;
    bool told = slot < NOTES || put_note(turns, slot_for(table), &said, size);
    lc_free(table);
    return told;
}

void lc_wanted_over(const lc_turns *turns, uint64_t place, const lc_wanted *wanted)
{
    note said;
    const note none = {.place = place};
    size_t size = write_note(&said, place, wanted);
    note *table = read_table(turns, place);
    for (unsigned slot = 0; table != NULL && slot < NOTES; slot++)
        if (memcmp(&table[slot], &said, size) == 0)
            (void)put_note(turns, slot, &none, FRONT);
    lc_free(table);
}

/* False: it is no whole one. */
static bool read_note(lc_wanted *out, const note *said)
{
    if (said->size == 0 || said->size >= sizeof out->path)
        return false;
    out->device = (dev_t)said->device;
    out->inode = (ino_t)said->inode;
    out->place = said->wanted;
    memcpy(out->path, said->path, said->size);
    out->path[said->size] = '\0';
    return true;
}

void lc_wanted_each(const lc_turns *turns, const lc_directory *at, uint64_t place,
                    bool (*fn)(void *context, const lc_wanted *wanted), void *context)
{
    lc_wanted wanted;
    lc_turn_holder holder;
    note *table = read_table(turns, place);
    if (table == NULL)
        return;
    /* A lock of this process's own is not to be seen by its own description. */
    uint64_t process = lc_turns_holder(&holder, turns, at, place) ? holder.process : lc_process();
    bool more = true;
    for (unsigned slot = 0; more && slot < NOTES; slot++)
        if (table[slot].place == place && table[slot].process == process &&
            read_note(&wanted, &table[slot]))
            more = fn(context, &wanted);
    lc_free(table);
}
