/* The program or shared library that a memoized function is in: its build ID and its file. */
#include "persist/object.h"
#include "base/os.h"

#include <stdio.h>
#include <string.h>

/* Where there is none, as on macOS, the program's file is not known. */
#define EXECUTABLE "/proc/self/exe"

#if defined(__ELF__)

#include <elf.h>
#include <link.h>

typedef struct search {
    uintptr_t address;
    locache_id *id;
    char *path;
    bool found;
} search;

/* Names and contents of notes are padded to 4 bytes. */
static size_t padded(size_t size)
{
    return (size + 3) & ~(size_t)3;
}

static bool read_notes(locache_id *out, const unsigned char *at, size_t size)
{
    ElfW(Nhdr) note;
    while (size >= sizeof note) {
        memcpy(&note, at, sizeof note);
        size_t whole = sizeof note + padded(note.n_namesz) + padded(note.n_descsz);
        if (whole > size)
            return false;
        const unsigned char *name = at + sizeof note;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(name, "GNU", 4) == 0) {
            locache_id_of(out, name + padded(note.n_namesz), note.n_descsz);
            return true;
        }
        at += whole;
        size -= whole;
    }
    return false;
}

static bool holds(const struct dl_phdr_info *object, uintptr_t address)
{
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type == PT_LOAD &&
            address - (object->dlpi_addr + part->p_vaddr) < part->p_memsz)
            return true;
    }
    return false;
}

static int look_into(struct dl_phdr_info *object, size_t size, void *context)
{
    search *this = context;
    (void)size;
    if (!holds(object, this->address))
        return 0;
    if (this->path != NULL)
        this->found =
            snprintf(this->path, LOCACHE_PATH_MAX, "%s",
                     object->dlpi_name[0] ? object->dlpi_name : EXECUTABLE) < LOCACHE_PATH_MAX;
    for (size_t i = 0; this->id != NULL && i < object->dlpi_phnum && !this->found; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        const char *base = (const char *)object->dlpi_phdr - (uintptr_t)object->dlpi_phdr;
        if (part->p_type == PT_NOTE)
            this->found = read_notes(
                this->id, (const unsigned char *)base + object->dlpi_addr + part->p_vaddr,
                part->p_memsz);
    }
    return 1;
}

bool lc_object_id(locache_id *out, const void *address)
{
    search this = {.address = (uintptr_t)address, .id = out};
    dl_iterate_phdr(look_into, &this);
    return this.found;
}

bool lc_object_path(char out[LOCACHE_PATH_MAX], const void *address)
{
    char path[LOCACHE_PATH_MAX];
    search this = {.address = (uintptr_t)address, .path = path};
    dl_iterate_phdr(look_into, &this);
    return this.found && lc_realpath(out, LOCACHE_PATH_MAX, path) == 0;
}

#else

bool lc_object_id(locache_id *out, const void *address)
{
    (void)out;
    (void)address;
    return false;
}

bool lc_object_path(char out[LOCACHE_PATH_MAX], const void *address)
{
    (void)address;
    return lc_realpath(out, LOCACHE_PATH_MAX, EXECUTABLE) == 0;
}

#endif
