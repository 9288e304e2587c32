/* The table of verified files: a record for a state of a file, found and written.
 *
 * What must hold: a record that counts was written by somebody who had read every byte of a file in
 * that state and found the checksum right (or who wrote the file himself). The state is all that a
 * stamp is of, the mount it is on and the boot it was in; the record's own checksum says that it
 * was written whole. So what could go wrong ends in a record that does not count:
 *
 * - a crash may keep a file's times and lose its data, but the next boot has another id;
 * - a disk that is pulled and changed elsewhere comes back as another mount;
 * - two writers of one slot, without a lock, lose a record, or tear one;
 * - a copy, a backup, a restored image has files of other numbers and times.
 *
 * To make a record for his own file, an attacker must write to the user's own .locache/, and then
 * he can write entries, too, checksum and all. What he cannot make is the MAC of a pickle, nor the
 * seal that stands for one: it is keyed, over all that is before it in the record. */
#include "disk/verified.h"
#include "base/os.h"
#include "base/text.h"
#include "disk/owner.h"
#include "disk/share.h"
#include "disk/temporary.h"
#include "format/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>

/* Offsets in a record. Up to AT_SEAL it is what a reader knows by himself, and compares. */
enum {
    AT_BOOT = 8,
    AT_MOUNT = 24,
    AT_FILE = 32,
    AT_CHECKSUM = 80,
    AT_SEAL = 96,
    AT_OWN_CHECKSUM = 112,
};
_Static_assert(AT_FILE + LC_STAMP_IDENTITY * 8 == AT_CHECKSUM,
               "the words of a stamp that are the file's");
_Static_assert(AT_OWN_CHECKSUM + LC_CHECKSUM_SIZE == LC_VERIFIED_RECORD,
               "the record's own checksum ends it");

#define PATH LC_META "/" LC_VERIFIED_NAME
#define BOOT_SIZE 16
#define SEAL_SIZE (AT_OWN_CHECKSUM - AT_SEAL)
#define DEV_INO_SIZE 16
/* The user's key signs entries, too: neither is ever taken for the other. */
#define PERSON_SEAL "locache seal\0\0\0"
_Static_assert(sizeof PERSON_SEAL == LC_PERSON_SIZE, "exactly the parameter's size");
#define SET_SIZE (LC_VERIFIED_WAYS * LC_VERIFIED_RECORD)

static const unsigned char magic[AT_BOOT] = {'L', 'O', 'C', 'V', 'R', 'F', 'Y', 1};

/* ----------------------------------------------------------------------------------------- boot */

enum { UNKNOWN, LOADING, KNOWN };

/* Of the running kernel, once read. Who finds it UNKNOWN writes it, alone: LOADING keeps others off
 * until all of it is there, and they use what they read themselves. A child that fork() made in
 * between stays LOADING for ever, and reads it each time: slower, and right. */
static atomic_int boot_state;
static unsigned char boot_id[BOOT_SIZE];

static bool read_boot(unsigned char out[BOOT_SIZE])
{
    char text[37] = ""; /* a UUID: 32 digits, 4 hyphens, and a NUL */
    char digits[2 * BOOT_SIZE + 1];
    size_t count = 0;
    int fd = lc_openat(AT_FDCWD, "/proc/sys/kernel/random/boot_id", O_RDONLY, 0);
    if (fd < 0)
        return false;
    ssize_t got = lc_read_full(fd, text, sizeof text - 1);
    lc_close(fd);
    for (ssize_t i = 0; i < got && count < sizeof digits - 1; i++)
        if (text[i] != '-')
            digits[count++] = text[i];
    digits[count] = '\0';
    return count == 2 * BOOT_SIZE && lc_text_unhex(out, BOOT_SIZE, digits);
}

static bool get_boot(unsigned char out[BOOT_SIZE])
{
    if (atomic_load(&boot_state) == KNOWN) {
        memcpy(out, boot_id, BOOT_SIZE);
        return true;
    }
    if (!read_boot(out))
        return false;
    int unknown = UNKNOWN;
    if (atomic_compare_exchange_strong(&boot_state, &unknown, LOADING)) {
        memcpy(boot_id, out, BOOT_SIZE);
        atomic_store(&boot_state, KNOWN);
    }
    return true;
}

/* -------------------------------------------------------------------------------------- records */

/* Little-endian, though no other machine will count it: a record is bytes with one meaning. */
static void put_words(unsigned char *at, const int64_t *words, unsigned count)
{
    for (unsigned i = 0; i < 8 * count; i++)
        at[i] = (unsigned char)((uint64_t)words[i / 8] >> (8 * (i % 8)));
}

static void sum_up(unsigned char out[LC_CHECKSUM_SIZE], const unsigned char *record)
{
    lc_checksum(out, &(lc_span){record, AT_OWN_CHECKSUM}, 1);
}

/* Of this boot, and whole? The cheap question first: most of what is not, is of no boot at all. */
static bool is_sound(const unsigned char *record, const unsigned char *of_now)
{
    unsigned char sum[LC_CHECKSUM_SIZE];
    if (memcmp(record, of_now, AT_MOUNT) != 0)
        return false;
    sum_up(sum, record);
    return memcmp(record + AT_OWN_CHECKSUM, sum, sizeof sum) == 0;
}

/* By device and inode alone: each state of a file finds the record of the one before, and replaces
 * it. */
static uint64_t set_offset(const unsigned char *record)
{
    unsigned char hash[LC_CHECKSUM_SIZE];
    lc_checksum(hash, &(lc_span){record + AT_FILE, DEV_INO_SIZE}, 1);
    unsigned last = (unsigned)hash[LC_CHECKSUM_SIZE - 2] << 8 | hash[LC_CHECKSUM_SIZE - 1];
    return (uint64_t)(last % LC_VERIFIED_SETS) * SET_SIZE;
}

/* ------------------------------------------------------------------------------------ the table */

/* Whoever shares .locache/ shares it. */
static int make_table(const lc_verified *file)
{
    struct stat found;
    int fd = lc_openat(file->dir, PATH, O_RDWR | O_CREAT, 0600);
    if (fd >= 0 && lc_fstatat(file->dir, LC_META, &found) == 0 &&
        found.st_mode & (S_IRWXG | S_IRWXO))
        (void)!lc_share_file(fd, found.st_mode & 0770);
    return fd;
}

/* The table's descriptor, or -1. Nothing is followed, and nothing but a file of one name in our own
 * .locache/ is written to: a hard link of that name to some other file of the user's would have us
 * write into that. */
static int open_table(const lc_verified *file, bool write)
{
    struct stat found;
    if (!lc_owner_meta(file->dir, file->owner))
        return -1;
    int fd = lc_openat(file->dir, PATH, write ? O_RDWR : O_RDONLY, 0);
    if (fd < 0 && write && errno == ENOENT)
        fd = make_table(file);
    if (fd < 0)
        return -1;
    if (lc_fstat(fd, &found) == 0 &&
        lc_owner_file(fd, &found, &(lc_owner_in){file->dir, file->owner}, "", PATH, NULL) ==
            LOCACHE_OK &&
        found.st_nlink == 1)
        return fd;
    lc_close(fd);
    return -1;
}

/* What was never written is zeros, past the file's end too, and so no sound record. */
static bool read_set(unsigned char set[SET_SIZE], int table, uint64_t offset)
{
    memset(set, 0, SET_SIZE);
    return lc_pread_full(table, set, SET_SIZE, offset) >= 0;
}

static bool find_in(lc_verified *file, int table)
{
    unsigned char set[SET_SIZE];
    if (!read_set(set, table, set_offset(file->record)))
        return false;
    for (unsigned way = 0; way < LC_VERIFIED_WAYS; way++) {
        const unsigned char *record = set + (size_t)way * LC_VERIFIED_RECORD;
        if (memcmp(record, file->record, AT_SEAL) == 0 && is_sound(record, file->record)) {
            /* It is not compared but taken along, for lc_verified_sealed(). */
            memcpy(file->record + AT_SEAL, record + AT_SEAL, SEAL_SIZE);
            return true;
        }
    }
    return false;
}

void lc_verified_init(lc_verified *out, int dir, uid_t owner, const locache_stamp *stamp,
                      const unsigned char checksum[LC_CHECKSUM_SIZE])
{
    *out = (lc_verified){.dir = dir, .owner = owner};
    /* Without it a record would outlive a crash that took the data away. */
    out->known = get_boot(out->record + AT_BOOT);
    if (!out->known)
        return;
    memcpy(out->record, magic, sizeof magic);
    out->proves = stamp->words[LC_STAMP_PROVES];
    put_words(out->record + AT_FILE, stamp->words, LC_STAMP_IDENTITY);
    put_words(out->record + AT_MOUNT, &(int64_t){(int64_t)lc_mount_of(dir)}, 1);
    memcpy(out->record + AT_CHECKSUM, checksum, LC_CHECKSUM_SIZE);
}

bool lc_verified_find(lc_verified *file)
{
    int table = file->known ? open_table(file, false) : -1;
    if (table < 0)
        return false;
    bool found = find_in(file, table);
    lc_close(table);
    return found;
}

/* The record to evict for this one: of the same file, or of none, or any. Which one "any" is does
 * not matter, only that it is not always the same: a byte of the new one's checksum says. */
static unsigned choose_way(const unsigned char set[SET_SIZE], const unsigned char *record)
{
    unsigned free_way = LC_VERIFIED_WAYS;
    for (unsigned way = 0; way < LC_VERIFIED_WAYS; way++) {
        const unsigned char *there = set + (size_t)way * LC_VERIFIED_RECORD;
        bool sound = is_sound(there, record);
        if (sound &&
            memcmp(there + AT_MOUNT, record + AT_MOUNT, AT_FILE - AT_MOUNT + DEV_INO_SIZE) == 0)
            return way;
        if (!sound)
            free_way = way;
    }
    return free_way < LC_VERIFIED_WAYS ? free_way : record[AT_CHECKSUM] % LC_VERIFIED_WAYS;
}

void lc_verified_note(const lc_verified *file)
{
    unsigned char set[SET_SIZE];
    unsigned char record[LC_VERIFIED_RECORD];
    int table = file->proves ? open_table(file, true) : -1;
    if (table < 0)
        return;
    memcpy(record, file->record, AT_OWN_CHECKSUM);
    sum_up(record + AT_OWN_CHECKSUM, record);
    uint64_t offset = set_offset(record);
    /* Between reading the set and writing a record others may do the same. No lock: at worst one of
     * two records is lost. In one write, so that a torn one is rare; its checksum finds it. */
    if (read_set(set, table, offset)) {
        /* Failed: it was not recorded, as nobody needs it to be. */
        int failed = lc_pwrite(table, record, sizeof record,
                               offset + (uint64_t)choose_way(set, record) * LC_VERIFIED_RECORD);
        (void)failed;
    }
    lc_close(table);
}

/* ---------------------------------------------------------------------------------------- seals */

/* Says that the MAC in this file's header verified with this key: a statement about this very state
 * (the entry's checksum, within the record, covers header and MAC), which only the key can make. */
static void make_seal(unsigned char out[SEAL_SIZE], const lc_verified *file,
                      const unsigned char key[LC_MAC_KEY_SIZE])
{
    unsigned char mac[LC_MAC_SIZE];
    lc_mac(mac, key, PERSON_SEAL, &(lc_span){file->record, AT_SEAL}, 1);
    memcpy(out, mac, SEAL_SIZE);
}

void lc_verified_seal(lc_verified *file, const unsigned char key[LC_MAC_KEY_SIZE])
{
    make_seal(file->record + AT_SEAL, file, key);
}

bool lc_verified_sealed(const lc_verified *file, const unsigned char key[LC_MAC_KEY_SIZE])
{
    unsigned char seal[SEAL_SIZE];
    make_seal(seal, file, key);
    return memcmp(seal, file->record + AT_SEAL, SEAL_SIZE) == 0;
}

void lc_verified_note_sound(const lc_directory *at, const locache_stamp *stamp,
                            const unsigned char *head)
{
    lc_verified file;
    lc_verified_init(&file, at->dir, at->owner, stamp, lc_entry_checksum(head));
    if (at->key != NULL && lc_entry_has_mac(head))
        lc_verified_seal(&file, at->key);
    lc_verified_note(&file);
}
