/* Descriptors that a child of fork() closes at once: those with a lock that a thread has for a few
 * calls. A lock of an open file is the child's as well, and would outlive a parent that is killed
 * while it has it. What is locked for longer has its own way. Any thread. */
#ifndef LC_FORKED_H
#define LC_FORKED_H

/* From now on a child closes its copy. */
void lc_forked_closes(int fd);
/* No more: said before it is closed here, since the number is another file's then. */
void lc_forked_keeps(int fd);

#endif
