#include "disk/verified.h"
#include "base/os.h"
#include "base/text.h"
#include "disk/owner.h"
#include "disk/temporary.h"
#include "format/entry.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>

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
#define PLACE_SIZE 16 /* device and inode */
#define SET_SIZE (LC_VERIFIED_WAYS * LC_VERIFIED_RECORD)

static const unsigned char magic[AT_BOOT] = {'L', 'O', 'C', 'V', 'R', 'F', 'Y', 1};

/* ----------------------------------------------------------------------------------------- boot */

enum { UNKNOWN, LOADING, KNOWN };

/* Of the running kernel, once read. A child that fork() made while another thread was reading it
 * reads it each time. */
static atomic_int boot_state;
static unsigned char boot_id[BOOT_SIZE];

static bool read_boot(unsigned char out[BOOT_SIZE])
{
    char text[37] = "";
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

static void put_words(unsigned char *at, const int64_t *words, unsigned count)
{
    for (unsigned i = 0; i < 8 * count; i++)
        at[i] = (unsigned char)((uint64_t)words[i / 8] >> (8 * (i % 8)));
}

static void sum_up(unsigned char out[LC_CHECKSUM_SIZE], const unsigned char *record)
{
    lc_checksum(out, &(lc_span){record, AT_OWN_CHECKSUM}, 1);
}

/* Of this boot, and whole? */
static bool is_sound(const unsigned char *record, const unsigned char *of_now)
{
    unsigned char sum[LC_CHECKSUM_SIZE];
    if (memcmp(record, of_now, AT_MOUNT) != 0)
        return false;
    sum_up(sum, record);
    return memcmp(record + AT_OWN_CHECKSUM, sum, sizeof sum) == 0;
}

static uint64_t set_offset(const unsigned char *record)
{
    unsigned char hash[LC_CHECKSUM_SIZE];
    lc_checksum(hash, &(lc_span){record + AT_FILE, PLACE_SIZE}, 1);
    unsigned last = (unsigned)hash[LC_CHECKSUM_SIZE - 2] << 8 | hash[LC_CHECKSUM_SIZE - 1];
    return (uint64_t)(last % LC_VERIFIED_SETS) * SET_SIZE;
}

/* ------------------------------------------------------------------------------------ the table */

/* The table's descriptor, or -1. Nothing is followed, and nothing but a file of one name in our own
 * .locache/ is written to. */
static int open_table(const lc_verified *file, bool write)
{
    struct stat found;
    if (!lc_owner_meta(file->dir, file->owner))
        return -1;
    int fd = lc_openat(file->dir, PATH, write ? O_RDWR | O_CREAT : O_RDONLY, 0600);
    if (fd < 0)
        return -1;
    if (lc_fstat(fd, &found) == 0 &&
        lc_owner_file(&found, file->owner, "", PATH, NULL) == LOCACHE_OK && found.st_nlink == 1)
        return fd;
    lc_close(fd);
    return -1;
}

/* What was never written is zeros. */
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

/* The record to replace: of the same file, or of none, or any. */
static unsigned choose_way(const unsigned char set[SET_SIZE], const unsigned char *record)
{
    unsigned free_way = LC_VERIFIED_WAYS;
    for (unsigned way = 0; way < LC_VERIFIED_WAYS; way++) {
        const unsigned char *there = set + (size_t)way * LC_VERIFIED_RECORD;
        bool sound = is_sound(there, record);
        if (sound &&
            memcmp(there + AT_MOUNT, record + AT_MOUNT, AT_FILE - AT_MOUNT + PLACE_SIZE) == 0)
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
    if (read_set(set, table, offset)) {
        /* Failed: it was not remembered, as nobody needs it to be. */
        int failed = lc_pwrite(table, record, sizeof record,
                               offset + (uint64_t)choose_way(set, record) * LC_VERIFIED_RECORD);
        (void)failed;
    }
    lc_close(table);
}

/* ---------------------------------------------------------------------------------------- seals */

static void make_seal(unsigned char out[SEAL_SIZE], const lc_verified *file,
                      const unsigned char key[LC_MAC_KEY_SIZE])
{
    unsigned char mac[LC_MAC_SIZE];
    lc_mac(mac, key, &(lc_span){file->record, AT_SEAL}, 1);
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
