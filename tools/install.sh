#!/bin/sh
# Build and install the C library: header, static and shared library, manual page, files for
# pkg-config and CMake.
. tools/common.sh
prefix=$1
sh tools/dependencies.sh build meson
options="--prefix=$prefix --libdir=lib -Dpython=disabled -Dtests=disabled"
if [ -d build/install ]; then options="--reconfigure $options"; fi
quietly configure meson setup build/install $options
quietly compile meson compile -C build/install
quietly install meson install -C build/install
say "installed into $prefix"
