# shellcheck shell=bash disable=SC2154
# What ./run and ./test share, sourced by both: steps with their times, packages, CAF, builds. Needs $root, the folder of
# the repository. Nothing here changes the caller's working folder.

# CAF and Python packages are kept outside the tree, so that every clone of it shares them.
cache=${TROUPE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/troupe}
logs=$root/build
# What one clone has compiled, another one takes from ccache: paths inside the tree do not count.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros
step_number=0
steps_total=0  # set by the caller

die() {
  printf 'troupe: %s\n' "$*" >&2
  exit 1
}

now_ms() { local t=${EPOCHREALTIME//[.,]/}; echo "${t%???}"; }

# "0.4 s", "75 s"
seconds_since() {
  local ms=$(($(now_ms) - $1))
  if ((ms < 10000)); then printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100)); else printf '%d s' $((ms / 1000)); fi
}

# On a terminal: the time so far, and how far ninja is, until it is killed.
show_progress() {  # HEAD LOG
  local start=$SECONDS
  while sleep 1; do
    printf '\r%s ... %d s %s\e[K' "$1" $((SECONDS - start)) "$(tail -c 400 "$2" | grep -oE '^\[[0-9]+/[0-9]+\]' | tail -n 1)"
  done
}

ticker=""
stop_progress() {
  [ -n "$ticker" ] || return 0
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  ticker=""
}
trap stop_progress EXIT

# Runs a command with its output in build/NAME.log and says how long it took; its last lines are shown when it fails.
# Since the caller asks for the status, `set -e` has no effect within the command.
step() {  # LABEL NAME COMMAND [ARGUMENT...]
  step_number=$((step_number + 1))
  local head="[$step_number/$steps_total] $1" log="$logs/$2.log" status=0 start
  start=$(now_ms)
  shift 2
  mkdir -p "$logs"
  : >"$log"
  printf '%s ... ' "$head"
  if [ -t 1 ]; then
    show_progress "$head" "$log" &
    ticker=$!
  fi
  "$@" >"$log" 2>&1 || status=$?
  stop_progress
  [ -t 1 ] && printf '\r%s ... \e[K' "$head"
  if ((status == 0)); then
    seconds_since "$start"
    echo
  else
    printf 'FAILED after %s\n' "$(seconds_since "$start")"
    tail -n 40 "$log" | cut -c 1-300 >&2
    printf 'troupe: "%s" failed; the lines above are the end of %s\n' "${head#* }" "$log" >&2
  fi
  return "$status"
}

# The packages of these kinds (build, test) that are not installed, one a line.
missing_packages() {  # KIND...
  local kinds=" $* " wanted
  mapfile -t wanted < <(while read -r kind package _; do
    [[ $kinds == *" $kind "* ]] && echo "$package"
  done <"$root/cmake/debian-packages.txt")
  comm -23 <(printf '%s\n' "${wanted[@]}" | sort -u) \
    <(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null | sed -n 's/^installed //p' | sort -u)
}

apt_install() {  # PACKAGE...
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
  "${apt[@]}" install -y --no-install-recommends "$@" && return
  # The lists of packages are missing or too old.
  "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "$@"
}

# Installs what is missing of these kinds.
install_packages() {  # KIND...
  command -v dpkg-query >/dev/null ||
    die "this is no Debian: install what cmake/debian-packages.txt lists, then: cmake --preset release && cmake --build --preset release"
  local missing
  mapfile -t missing < <(missing_packages "$@")
  as_root=()
  if ((${#missing[@]} > 0)) && [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "packages are missing and there is no sudo; as root: apt-get install ${missing[*]}"
    if [ -t 0 ]; then sudo -v; else sudo -n true 2>/dev/null; fi ||
      die "packages are missing and sudo refuses; as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  if ((${#missing[@]} == 0)); then
    step "Debian packages: all there" packages true
  else
    step "installing ${#missing[@]} Debian packages" packages apt_install "${missing[@]}" ||
      die "could not install ${missing[*]}: $(grep '^E:' "$logs/packages.log" | tail -n 1)"
  fi
}

# The actor runtime, built once for every clone: CAF's core, plain or with a sanitizer.
install_caf() {  # "" or SANITIZER
  step "CAF${1:+ with the $1 sanitizer}" "caf${1:+-$1}" bash "$root/cmake/install_caf.sh" "$cache/caf${1:+-$1}" "$1" || exit 1
}

# Compilers of this code need up to 1.5 GB each.
jobs_max() {
  local cores by_memory
  cores=$(nproc)
  by_memory=$(awk '/^MemAvailable:/ {print int($2 / 1500000)}' /proc/meminfo)
  ((by_memory < 1)) && by_memory=1
  echo $((by_memory < cores ? by_memory : cores))
}

# Configures where the presets, the place of CAF or of the tree have changed; ninja sees all other changes.
configure_and_build() {  # PRESET TARGET
  local folder="$root/build/$1" prefix="$cache/caf" wanted
  [ "$1" = tsan ] && prefix="$cache/caf-thread"
  wanted="$root $prefix $(cksum <"$root/CMakePresets.json")"
  if [ "$(cat "$folder/.configured" 2>/dev/null)" != "$wanted" ]; then
    (cd "$root" && cmake --fresh --preset "$1" -DTROUPE_CAF_PREFIX="$prefix") || return
    echo "$wanted" >"$folder/.configured"
  fi
  cmake --build "$folder" --target "$2" -- -j "$(jobs_max)"
}

build() {  # LABEL PRESET TARGET
  step "$1" "build-$2" configure_and_build "$2" "$3"
}
