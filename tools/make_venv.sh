#!/bin/sh
# make_venv.sh FILE STAMP: brings .venv to the packages pinned in FILE and leaves STAMP behind.
# The stamp's name holds the checksum of the file, so an unchanged file costs nothing.
set -eu
file=$1
stamp=$2
if ! .venv/bin/python -c 'import sys' 2>/dev/null; then
    python=$(sh tools/find_python.sh)
    echo "Making .venv with $python."
    if ! { rm -rf .venv && "$python" -m venv .venv; }; then
        echo "The folder $(pwd) cannot be written to: give yourself the right to, or copy the program elsewhere." >&2
        exit 1
    fi
fi
echo "Installing the packages of $file (once; about half a minute)."
# --no-compile: Python compiles what it really uses, which is a small part of all.
if ! .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
    --no-compile --requirement "$file" 2>.venv/install.log; then
    cat .venv/install.log >&2
    echo "The packages of $file could not be installed; pip's own words stand above." >&2
    exit 1
fi
rm -f "${stamp%-*}"-*
touch "$stamp"
