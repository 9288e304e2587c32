/* What a thread looks up now: set by lookups, read where their reason is told. */
#include "call/explain.h"

_Thread_local const lcpy_sought *lcpy_explain_asked;
