"""Write a C program that prints the header's binary interface: struct sizes and offsets, constants.

lister.py OUT HEADER...

It fails where a struct of them could not grow. Where pointers do not have 8 bytes it leaves out
structs: the listing is of 64-bit systems.
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


# Structs whose size never changes: what programs make many of (locache.h, "Structs"), and what a
# call of locache_array() hands over.
FIXED = re.compile(r"locache_(id|stamp|error|cbor_(writer|reader|item)|array_\w+)")


def faults(name, members, enums, structs):
    """What keeps a struct from growing, or from being read by another compiler."""
    types = [re.sub(r"\bconst\b", "", part).split()[0] for part in members if "*" not in part]
    for of in types:
        if of in enums or of == "enum":
            yield f"{name}: {of} is an enum, whose size is the compiler's: use uint32_t"
        if of in structs and not FIXED.fullmatch(of):
            yield f"{name}: {of} can grow: hold it by pointer"
    if not FIXED.fullmatch(name) and not re.fullmatch(r"size_t\s+size", members[0]):
        yield f"{name}: begins without its size"


def main(out, *headers):
    texts = [Path(header).read_text(encoding="utf-8") for header in headers]
    text = "\n".join(map(declarations, texts))
    bodies = dict(re.findall(r"\bstruct (\w+)\s*\{(.*?)\}(?:\s*\1)?;", text, flags=re.DOTALL))
    enums = set(re.findall(r"typedef enum (\w+)", text))
    structs, wrong = [], []
    for name, body in bodies.items():
        parts = list(filter(None, map(str.strip, body.split(";"))))
        wrong += faults(name, parts, enums, bodies)
        structs.append(f'    printf("struct {name} %zu\\n", sizeof(struct {name}));')
        for at in map(member, parts):
            structs.append(
                f'    printf("member {name}.{at} %zu\\n", offsetof(struct {name}, {at}));'
            )
    constants = []
    for body in re.findall(r"enum(?:\s+\w+)?\s*\{(.*?)\}", text, flags=re.DOTALL):
        constants += re.findall(r"\b(LOCACHE_\w+)\s*=", body)
    numbers = re.findall(r"^#define (LOCACHE_\w+) +\d+\b", "\n".join(texts), flags=re.MULTILINE)
    constants += [name for name in numbers if "VERSION" not in name]
    lines = [f'    printf("constant {name} %lld\\n", (long long)({name}));' for name in constants]
    Path(out).write_text(
        PROGRAM.format(structs="\n".join(structs), constants="\n".join(lines)), encoding="utf-8"
    )
    if wrong:
        sys.exit("\n".join(wrong))


main(*sys.argv[1:])
