/* What locache made itself, told from what a user has in the same places: asked before anything is
 * deleted, moved or marked. Any thread. */
#ifndef LC_OURS_H
#define LC_OURS_H

#include <stdbool.h>

/* Is that file of an open directory an entry: by its first bytes, or, where a power cut left it
 * empty or with zeros in their place, by a name that only an entry has? */
bool lc_ours_entry(int dir, const char *name);
/* May an open directory be used for a function's results? It carries our mark, .locache/, or, since
 * that may be deleted at any time, is lc_ours_whole(). */
bool lc_ours_funcdir(int dir);
/* Is nothing in an open directory but entries and .locache/? What is empty may be taken, too. */
bool lc_ours_whole(int dir);
/* Has an open directory at least one that carries .locache/ in it? */
bool lc_ours_has_funcdir(int root);
/* Remove a function's directory, with what in it is ours; where anything else is, it stays. */
void lc_ours_remove(int at, const char *name);
/* The mark of a cache directory: CACHEDIR.TAG as locache writes it, and .gitignore beside it. Put
 * where they are missing, with temporaries in `work`; what has those names already stays. */
void lc_ours_mark(int root, int work);
bool lc_ours_is_marked(int root);

#endif
