/* A cache on a file system that has no files without a name, as many have none. */
#ifndef TEST_NAMED_H
#define TEST_NAMED_H

#include "fault.h"
#include "scratch.h"

/* The function my_func, which has found that out by a first store. */
static inline locache *open_named(void)
{
    locache *cache = open_function("my_func");
    fault_set("unnamed", 1, EOPNOTSUPP);
    must_put(cache, 9, "with a name");
    assert_true(fault_clear());
    assert_hit(cache, 9, "with a name");
    return cache;
}

#endif
