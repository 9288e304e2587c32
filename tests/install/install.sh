#!/bin/sh
# install.sh SOURCE BUILD PREFIX LIBDIR: what is installed from BUILD, as a user of it meets it: by
# pkg-config, shared and static; by CMake; by Meson; after the tree was moved. PREFIX and LIBDIR are
# those of the configuration.
set -eu
source=$1 build=$2 prefix=$3 libdir=$4
CC=${CC:-cc}
unset LOCACHE_DIR DESTDIR || :

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/home"
HOME=$scratch/home
export HOME

say() { printf '%s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1 || { say "skipped: no $1"; return 1; }; }

meson install --quiet --no-rebuild -C "$build" --destdir "$scratch/staged"
root=$scratch/moved # where nobody configured it to be
mv "$scratch/staged$prefix" "$root"
LD_LIBRARY_PATH=$root/$libdir
DYLD_LIBRARY_PATH=$LD_LIBRARY_PATH
PKG_CONFIG_PATH=$root/$libdir/pkgconfig
export LD_LIBRARY_PATH DYLD_LIBRARY_PATH PKG_CONFIG_PATH

test -f "$root/include/locache.h"
"$root/bin/locache" --version | grep -q '^locache [0-9]'
test -f "$root/share/man/man3/locache.3"
test -f "$root/share/man/man1/locache.1"
test -f "$root/share/man/man1/locache-run.1"
test -f "$root/share/bash-completion/completions/locache"
test -f "$root/share/locache/locache.schema.json"
grep -q '^\.Fn locache_open ' "$root/share/man/man3/locache_functions.3"
for licence in "$source/LICENSE" "$source"/LICENSES/*.txt; do
    cmp "$licence" "$root/share/licenses/locache/${licence##*/}"
done

# runs NAME PROGRAM: twice, in a directory of its own: what the first computes the second finds.
runs() {
    mkdir "$scratch/run"
    first=$(cd "$scratch/run" && "$2" 1000)
    second=$(cd "$scratch/run" && "$2" 1000)
    rm -rf "$scratch/run"
    [ "$first" = "C counts ...
168 primes below 1000" ] && [ "$second" = '168 primes below 1000' ] || {
        say "FAILED: $1 printed: $first, then: $second"
        exit 1
    }
    say "ok: $1"
}

# pkg-config, told that the tree was moved; other packages' files do not mind.
if have pkg-config; then
    pkg() { pkg-config "--define-variable=prefix=$root" "$@" locache; }
    # shellcheck disable=SC2046
    "$CC" "$source/examples/shared/primes.c" -o "$scratch/shared" $(pkg --cflags --libs)
    runs 'pkg-config, shared' "$scratch/shared"
    if have readelf; then readelf -d "$scratch/shared" | grep -q 'NEEDED.*\[liblocache\.so\.5\]'; fi
    mkdir "$scratch/archive"
    cp "$root/$libdir/liblocache.a" "$scratch/archive"
    # The archive alone, with what --static says it needs.
    # shellcheck disable=SC2046
    "$CC" "$source/examples/shared/primes.c" -o "$scratch/static" -L"$scratch/archive" \
        $(pkg --static --cflags --libs | sed "s|-L$root/$libdir||")
    LD_LIBRARY_PATH='' runs 'pkg-config, static' "$scratch/static"
    # The macro, as the documentation has it; foo.cache is beside its source.
    if [ -f "$source/examples/foo.c" ]; then
        cp "$source/examples/foo.c" "$scratch"
        # shellcheck disable=SC2046
        (cd "$scratch" && "$CC" foo.c -o foo $(pkg --cflags --libs) &&
            ./foo >first && ./foo >second)
        grep -q 'Hi from foo' "$scratch/first"
        if grep -q 'Hi from foo' "$scratch/second"; then
            say 'FAILED: foo.c computed again'
            exit 1
        fi
        test -f "$scratch/foo.cache/my_func/x=1_num=3"
        say 'ok: foo.c'
    fi
fi

# What `make install` does last: programs run where the system's list does not have the library.
# Here ldconfig knows nothing, and then all.
mkdir "$scratch/bin"
printf '#!/bin/sh\n' >"$scratch/bin/ldconfig"
chmod +x "$scratch/bin/ldconfig"
if have pkg-config && [ -d "$source/tools" ]; then
    cp -r "$root" "$scratch/found"
    if [ ! -d "$scratch/found/lib/pkgconfig" ]; then
        mkdir -p "$scratch/found/lib"
        mv "$scratch/found/$libdir"/* "$scratch/found/lib"
    fi
    pc=$scratch/found/lib/pkgconfig/locache.pc
    # shellcheck disable=SC2016
    sed -e "s|^prefix=.*|prefix=$scratch/found|" -e 's|^libdir=.*|libdir=${prefix}/lib|' "$pc" \
        >"$scratch/as_it_was"
    cp "$scratch/as_it_was" "$pc"
    PATH=$scratch/bin:$PATH sh "$source/tools/findable.sh" "$scratch/found" | grep -q ldconfig
    # shellcheck disable=SC2046
    "$CC" "$source/examples/shared/primes.c" -o "$scratch/by_path" \
        $(PKG_CONFIG_PATH=${pc%/*} pkg-config --cflags --libs locache)
    LD_LIBRARY_PATH='' runs 'pkg-config, a prefix that the system does not know' "$scratch/by_path"
    printf '#!/bin/sh\necho "liblocache.so.5 => %s"\n' "$scratch/found/lib/liblocache.so.5" \
        >"$scratch/bin/ldconfig"
    cp "$scratch/as_it_was" "$pc"
    [ -z "$(PATH=$scratch/bin:$PATH sh "$source/tools/findable.sh" "$scratch/found")" ]
    cmp "$scratch/as_it_was" "$pc"
fi

if have cmake; then
    mkdir "$scratch/cmake"
    cat >"$scratch/cmake/CMakeLists.txt" <<'LISTS'
cmake_minimum_required(VERSION 3.13)
project(consumer C)
find_package(locache 5.0 REQUIRED)
add_executable(shared ${EXAMPLE})
target_link_libraries(shared PRIVATE locache::locache)
add_executable(static ${EXAMPLE})
target_link_libraries(static PRIVATE locache::static)
find_package(locache 6 QUIET)
if(locache_FOUND)
  message(FATAL_ERROR "5 was taken for 6")
endif()
LISTS
    # Meson's default may be lib64 where CMake looks into lib alone: on Debian without dpkg-dev.
    if [ "${libdir##*/}" = lib64 ]; then
        locache_DIR=$root/$libdir/cmake/locache
        export locache_DIR
    fi
    cmake -S "$scratch/cmake" -B "$scratch/cmake/build" "-DCMAKE_PREFIX_PATH=$root" \
        "-DEXAMPLE=$source/examples/shared/primes.c" >"$scratch/log" 2>&1 &&
        cmake --build "$scratch/cmake/build" >>"$scratch/log" 2>&1 ||
        { cat "$scratch/log"; exit 1; }
    runs 'CMake, shared' "$scratch/cmake/build/shared"
    LD_LIBRARY_PATH='' runs 'CMake, static' "$scratch/cmake/build/static"
fi

# As a subproject of another project, which asks for the dependency by name.
mkdir -p "$scratch/meson/subprojects"
ln -s "$source" "$scratch/meson/subprojects/locache"
cp "$source/examples/shared/primes.c" "$scratch/meson"
cat >"$scratch/meson/meson.build" <<'BUILD'
project('consumer', 'c', default_options: ['c_std=gnu11'])
executable('primes', 'primes.c', dependencies: dependency('locache', fallback: 'locache'))
BUILD
meson setup --force-fallback-for=locache --prefix=/usr --libdir=lib \
    "$scratch/meson/build" "$scratch/meson" >"$scratch/log" 2>&1 &&
    meson compile -C "$scratch/meson/build" >>"$scratch/log" 2>&1 &&
    DESTDIR=$scratch/within meson install -C "$scratch/meson/build" >>"$scratch/log" 2>&1 ||
    { cat "$scratch/log"; exit 1; }
LD_LIBRARY_PATH='' runs 'Meson subproject' "$scratch/meson/build/primes"
# The library and what is about it: no Python, no tests.
built=$(cd "$scratch/meson/build/subprojects/locache" && find . -type f \
    ! -path './liblocache*' ! -name 'locache*' ! -path '*.p/*')
other=$(cd "$scratch/within/usr" && find . -type f ! -name 'liblocache*' ! -name '*.h' \
    ! -path './share/man/*' ! -path './share/licenses/*' ! -name '*.pc' ! -name '*.cmake')
[ -z "$built$other" ] || { say "FAILED: as a subproject, also: $built $other"; exit 1; }
test -f "$scratch/within/usr/lib/liblocache.a"
say 'ok: as a subproject, the library alone'
