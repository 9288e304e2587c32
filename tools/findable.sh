#!/bin/sh
# findable.sh PREFIX: see to it that programs find the library that was installed there when they
# start. Where the system's list of libraries does not have it, pkg-config gives programs its path.
set -eu
prefix=$1
PATH=$PATH:/sbin:/usr/sbin
pc=$prefix/lib/pkgconfig/locache.pc

is_found() {
    ldconfig -p 2>/dev/null | grep -q "=> $prefix/lib/liblocache\.so"
}

if is_found; then exit 0; fi
ldconfig 2>/dev/null || :
if is_found; then exit 0; fi
# shellcheck disable=SC2016
sed 's|^Libs: .*|Libs: -L${libdir} -Wl,-rpath,${libdir} -llocache|' "$pc" >"$pc.new"
mv "$pc.new" "$pc"
printf '%s\n' "the system's list of libraries lacks $prefix/lib: pkg-config gives programs its" \
    "path, others need ldconfig, run as root where it is one of the system's, or LD_LIBRARY_PATH"
