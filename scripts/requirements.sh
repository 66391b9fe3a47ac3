# shellcheck shell=bash
# What the other scripts share: finding what a fresh Debian machine lacks, and installing only that.
# Sourced, not run.

say() { printf '\n== %s\n' "$*"; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# need PACKAGE TEST...: notes the Debian package where the test command fails.
missing=()
need() {
  local package=$1
  shift
  "$@" >/dev/null 2>&1 || missing+=("$package")
}

has() { command -v "$1"; }

# need_build: what the vendored libcurl and OpenSSL are compiled with.
need_build() {
  need gcc has cc
  need libc6-dev test -e /usr/include/stdio.h
  need make has make
  need perl perl -MIPC::Cmd -MFile::Compare -MFindBin -e 1
  need pkg-config has pkg-config
}

install_missing() {
  local as_root=()
  if ! has cargo >/dev/null; then
    fail "cargo is missing; install Rust as https://rustup.rs says, then try again"
  fi
  if [ ${#missing[@]} -eq 0 ]; then
    return
  fi
  if ! has apt-get >/dev/null; then
    fail "missing, and there is no apt-get to install it: ${missing[*]}"
  fi
  if [ "$(id -u)" -ne 0 ]; then
    has sudo >/dev/null || fail "missing; as root, type: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}"
  missing=()
}
