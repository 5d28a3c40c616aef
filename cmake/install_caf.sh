#!/usr/bin/env bash
# Installs the CAF 0.18.7 core (the actor runtime) into a prefix outside the source tree, once.
#
#   install_caf.sh PREFIX [SANITIZER]      SANITIZER: "", "thread" or "address"
#
# Debian bookworm has only CAF 0.17.6, which is wrong under C++20 (docs/decisions/0001-caf.md). The source
# package of 0.18.7 comes from the experimental suite of the archive that this machine's apt already uses, by a
# private sources list and cache: nothing of the machine's own apt configuration changes. Where that archive
# lacks it, upstream's release archive is taken. The checksum is the same either way.
set -euo pipefail

prefix=${1:?usage: install_caf.sh PREFIX [SANITIZER]}
sanitizer=${2:-}
version=0.18.7
deb_version=0.18.7-1~exp1
sha256=d5c3abe8fd67a729aab1baeece10367637d903ba335f4c79378bcadfbcd34552
# Raised when the way CAF is built changes, so that an installed prefix is rebuilt.
recipe=1
stamp="$prefix/.troupe-caf-$version-$recipe"
[ -e "$stamp" ] && exit 0

say() { printf 'caf: %s\n' "$*" >&2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
archive="$work/actor-framework_$version.orig.tar.gz"
sums_ok() { echo "$sha256  $archive" | sha256sum --check --status 2>/dev/null; }

from_debian() {
  command -v apt-get >/dev/null || return 1
  local uri
  uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' 2>/dev/null |
    grep -E '/debian/?$' | head -n 1)
  [ -n "$uri" ] || return 1
  mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri experimental main" >"$work/apt/sources.list"
  local options=(-o "Dir::Etc::SourceList=$work/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$work/apt/lists" -o "Dir::Cache=$work/apt/cache" -o APT::Sandbox::User=root
    -o Acquire::Retries=2)
  apt-get "${options[@]}" update >"$work/apt.log" 2>&1 || return 1
  (cd "$work" && apt-get "${options[@]}" source --tar-only --download-only "actor-framework=$deb_version" >>"$work/apt.log" 2>&1)
  sums_ok
}

from_upstream() {
  curl -fsSL --retry 2 -o "$archive" \
    "https://github.com/actor-framework/actor-framework/archive/refs/tags/$version.tar.gz" || return 1
  sums_ok
}

say "fetching the source of $version"
if ! from_debian && ! from_upstream; then
  say "could not fetch actor-framework $version with sha256 $sha256, neither from the Debian archive's experimental suite nor from upstream; install CAF 0.18 yourself and give cmake -DCMAKE_PREFIX_PATH=..."
  exit 1
fi
tar -xzf "$archive" -C "$work"
source=$(find "$work" -maxdepth 1 -type d -name 'actor-framework-*' | head -n 1)

# Two sources of the core cannot share a translation unit with the others.
cat >"$work/no_unity.cmake" <<'CMAKE'
function(troupe_no_unity)
  set(core "${CMAKE_SOURCE_DIR}/libcaf_core")
  set_source_files_properties("${core}/src/binary_serializer.cpp" "${core}/src/serializer.cpp"
    DIRECTORY "${core}" PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()
cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL troupe_no_unity)
CMAKE

flags=()
[ -n "$sanitizer" ] && flags=("-DCMAKE_CXX_FLAGS=-fsanitize=$sanitizer -g1")
say "building the core${sanitizer:+ with the $sanitizer sanitizer} (about a minute on two cores)"
if ! { cmake -S "$source" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$prefix" \
    -DCMAKE_CXX_STANDARD=20 -DBUILD_SHARED_LIBS=OFF -DCMAKE_UNITY_BUILD=ON -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
    -DCAF_ENABLE_EXAMPLES=OFF -DCAF_ENABLE_TESTING=OFF -DCAF_ENABLE_TOOLS=OFF \
    -DCAF_ENABLE_IO_MODULE=OFF -DCAF_ENABLE_OPENSSL_MODULE=OFF \
    -DCMAKE_PROJECT_CAF_INCLUDE="$work/no_unity.cmake" "${flags[@]}" &&
    cmake --build "$work/build" -j2 && cmake --install "$work/build"; } >"$work/build.log" 2>&1; then
  tail -n 40 "$work/build.log" >&2
  say "the build failed; its last lines are above"
  exit 1
fi
touch "$stamp"
say "installed in $prefix"
