/* The hook for tests, NULL in every program: a test sets it to make a call fail. */
#include "base/fault.h"

int (*lc_fault_hook)(const char *call);
