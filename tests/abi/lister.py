"""Write a C program that prints the header's binary interface: struct sizes and offsets, constants.

lister.py HEADER OUT. Where pointers do not have 8 bytes it leaves out structs: the listing is of
64-bit systems.
"""

import re
import sys
from pathlib import Path

PROGRAM = """\
#include <locache.h>
#include <stdio.h>

static void structs(void)
{{
{structs}
}}

static void constants(void)
{{
{constants}
}}

int main(void)
{{
    if (sizeof(void *) == 8)
        structs();
    constants();
    return 0;
}}
"""


def declarations(header):
    """The header without comments and macros' bodies."""
    text = re.sub(r"/\*.*?\*/", " ", header, flags=re.DOTALL)
    return re.sub(r"^#.*(?:\\\n.*)*$", "", text, flags=re.MULTILINE)


def member(declaration):
    """The name that a struct's member has: `size_t size`, `char text[9]`, `void (*fn)(void)`."""
    function = re.search(r"\(\*\s*(\w+)\)", declaration)
    return (function or re.search(r"(\w+)\s*(?:\[[^]]*\]\s*)*$", declaration)).group(1)


def main(header, out):
    text = declarations(Path(header).read_text(encoding="utf-8"))
    structs = []
    for name, body in re.findall(r"typedef struct (\w+)\s*\{(.*?)\}\s*\1;", text, flags=re.DOTALL):
        structs.append(f'    printf("struct {name} %zu\\n", sizeof({name}));')
        for part in filter(None, map(str.strip, body.split(";"))):
            at = member(part)
            structs.append(f'    printf("member {name}.{at} %zu\\n", offsetof({name}, {at}));')
    constants = []
    for body in re.findall(r"enum(?:\s+\w+)?\s*\{(.*?)\}", text, flags=re.DOTALL):
        constants += re.findall(r"\b(LOCACHE_\w+)\s*=", body)
    numbers = re.findall(
        r"^#define (LOCACHE_\w+) +\d+\b",
        Path(header).read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    constants += [name for name in numbers if "VERSION" not in name]
    lines = [f'    printf("constant {name} %lld\\n", (long long)({name}));' for name in constants]
    Path(out).write_text(
        PROGRAM.format(structs="\n".join(structs), constants="\n".join(lines)), encoding="utf-8"
    )


main(sys.argv[1], sys.argv[2])
