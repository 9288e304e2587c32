#!/bin/sh
# Install the system packages that are missing for the given tasks: core, build, meson, test, lint,
# fuzz, embed, bench, coverage. What is there already, from wherever, is left alone.
. tools/common.sh

missing=
need() { # need PACKAGE COMMAND...: the package, unless the command succeeds
    package=$1
    shift
    if ! "$@" >/dev/null 2>&1; then missing="$missing $package"; fi
}

compiles() { # compiles COMPILER OPTION...: an empty program
    printf 'int main(void) { return 0; }\n' | "$@" -x c - -o /dev/null
}

fuzzes() {
    printf '%s\n' '#include <stddef.h>' \
        'int LLVMFuzzerTestOneInput(const char *d, size_t n) { return d && n ? 0 : 0; }' |
        clang -fsanitize=fuzzer -x c - -o /dev/null
}

# The run-time libraries are packaged by clang's version.
fuzzer_package() {
    apt-cache depends clang 2>/dev/null |
        sed -n 's/.*Depends: clang-\([0-9]*\)$/libclang-rt-\1-dev/p' | head -n 1
}

python_found() {
    [ -n "$(best_python)" ]
}

for task; do
    case $task in
    core | build)
        need gcc command -v gcc
        need libc6-dev compiles gcc
        need pkg-config command -v pkg-config
        need libsodium-dev pkg-config --exists 'libsodium >= 1.0.18'
        need libxxhash-dev pkg-config --exists 'libxxhash >= 0.8.0'
        need libzstd-dev pkg-config --exists 'libzstd >= 1.4.0'
        # The C library alone needs no Python's headers.
        if [ "$task" = build ]; then need "python3 python3-dev python3-venv" python_found; fi
        ;;
    meson)
        need meson meson --version
        need ninja-build ninja --version
        ;;
    test)
        need libcmocka-dev pkg-config --exists 'cmocka >= 1.1.5'
        need valgrind valgrind --version
        need strace strace -V
        need spin spin -V
        # Images to test on, mounted.
        need e2fsprogs command -v mkfs.ext4
        need xfsprogs command -v mkfs.xfs
        need btrfs-progs command -v mkfs.btrfs
        need mount command -v mount
        need exfatprogs command -v mkfs.exfat
        need exfat-fuse command -v mount.exfat-fuse
        need dosfstools command -v mkfs.vfat
        need ntfs-3g command -v lowntfs-3g
        need libfaketime sh -c 'ls /usr/lib/*/faketime/libfaketime.so.1'
        need git git --version
        # Its own tool reads what is compressed.
        need zstd zstd --version
        need cmake cmake --version
        need groff-base groff --version
        # What completion is for, and what the report is seen with.
        need zsh zsh --version
        need fish fish --version
        need chromium sh -c 'command -v chromium || command -v google-chrome'
        # An example is in Python, of any version.
        need python3-cffi sh -c 'python3 -c "import cffi" || /usr/bin/python3 -c "import cffi"'
        ;;
    lint)
        need clang clang --version
        need clang-format clang-format --version
        need clang-tidy clang-tidy --version
        need g++ g++ --version
        ;;
    fuzz)
        need clang clang --version
        need "$(fuzzer_package)" fuzzes
        ;;
    embed)
        # The first compiler with C23's #embed that Debian 12 has.
        need clang-19 clang-19 --version
        ;;
    bench)
        need libsqlite3-dev pkg-config --exists sqlite3
        need liblmdb-dev compiles gcc -include lmdb.h -llmdb
        ;;
    coverage)
        need gcovr gcovr --version
        ;;
    *) fail "tools/dependencies.sh: no such task: $task" ;;
    esac
done

if [ -z "$missing" ]; then exit 0; fi
# The same package may be needed by two tasks.
missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')

if ! command -v apt-get >/dev/null 2>&1; then
    fail "missing:  $missing
These are Debian's names. Install what your system calls them, then say it again."
fi
if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    as_root=sudo
else
    fail "missing:  $missing
Installing them needs root. Ask your administrator for:  apt-get install $missing"
fi

say "installing $missing"
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND
install_missing() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
}
# The lists may be absent or old; they are only fetched where that shows.
if ! install_missing >"$logs/apt.log" 2>&1 </dev/null; then
    quietly apt-update $as_root apt-get update
    quietly apt install_missing
fi
if [ -z "$(best_python)" ]; then
    fail "no CPython 3.10 or newer with its headers and its venv module was found, and this system's
packages have none"
fi
