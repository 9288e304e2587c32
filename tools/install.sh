#!/bin/sh
# Build and install the command and the C library: header, static and shared library, manual pages,
# files for pkg-config and CMake. tools/install.sh PREFIX [DESTDIR]; of the environment CC, CFLAGS
# and LDFLAGS count, as packagers set them.
cc=${CC:-cc} cflags=${CFLAGS:-} ldflags=${LDFLAGS:-}
. tools/common.sh
prefix=$1 staging=${2:-}
sh tools/dependencies.sh core meson

# Flags are Meson's when a directory is set up, and no later: others get a new one.
dir=build/install
told="$cc $cflags $ldflags"
if [ "$(cat "$dir/told" 2>/dev/null)" != "$told" ]; then rm -rf "$dir"; fi
again=
if [ -d "$dir" ]; then again=--reconfigure; fi
quietly configure env "CC=$cc" "CFLAGS=$cflags" "LDFLAGS=$ldflags" meson setup "$dir" $again \
    "--prefix=$prefix" --libdir=lib -Dpython=disabled -Dtests=disabled
say "$told" >"$dir/told"
quietly compile meson compile -C "$dir"
quietly install env "DESTDIR=$staging" meson install -C "$dir"
say "installed into $staging$prefix"
if [ -z "$staging" ]; then sh tools/findable.sh "$prefix"; fi
