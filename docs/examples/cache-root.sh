#!/bin/sh
# Packs a root of ovl for a cache, and unpacks it again: with devices, hard links, owners and xattrs.
# usage: cache-root.sh save|restore ROOT ARCHIVE
set -eu
case $1 in
  save) tar --xattrs --xattrs-include='*' --numeric-owner -cf "$3" -C "$2" . ;;
  restore)
    mkdir -p "$2"
    tar --xattrs --xattrs-include='*' --numeric-owner -xpf "$3" -C "$2"
    ;;
  *) echo "usage: cache-root.sh save|restore ROOT ARCHIVE" >&2 && exit 2 ;;
esac
