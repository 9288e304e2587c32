/* Where the hook for tests is kept. */
#include "base/fault.h"

int (*lc_fault_hook)(const char *call);
