#!/bin/sh
# one_object.sh OUT ARCHIVE OBJCOPY COMPILER...: the objects of the archive as one, in which names of
# hidden visibility are nobody else's.
set -eu
out=$1 archive=$2 objcopy=$3
shift 3
"$@" -r -nostdlib -o "$out" -Wl,--whole-archive "$archive" -Wl,--no-whole-archive
"$objcopy" --localize-hidden "$out"
