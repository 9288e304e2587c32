#!/bin/sh
# Build and install the C library: header, static and shared library, manual page, files for
# pkg-config and CMake. tools/install.sh PREFIX [DESTDIR]; of the environment CC, CFLAGS and LDFLAGS
# count, as packagers set them.
cc=${CC:-cc} cflags=${CFLAGS:-} ldflags=${LDFLAGS:-}
. tools/common.sh
prefix=$1 staging=${2:-}
sh tools/dependencies.sh build meson

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

# Whether programs find the library when they start.
is_found() {
    PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null | grep -q "=> $prefix/lib/liblocache\.so"
}
if [ -z "$staging" ] && ! is_found; then
    PATH=$PATH:/sbin:/usr/sbin ldconfig 2>/dev/null || :
    if ! is_found; then
        say "programs do not find $prefix/lib by themselves: run ldconfig as root where it is" \
            "one of the system's, else compile with -Wl,-rpath,$prefix/lib or set LD_LIBRARY_PATH"
    fi
fi
