#!/bin/sh
# Prints the first Python on this machine that the program can use (3.11 to 3.13, with venv).
# PYTHON=/path/to/python names one by hand.  Otherwise one clear sentence, exit code 1.
usable='import sys; ok = (3, 11) <= sys.version_info[:2] <= (3, 13); sys.exit(not ok)'
complete='import ensurepip, sqlite3, ssl, venv'
found=''
unfit=''
for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
    path=$(command -v "$name" 2>/dev/null) || continue
    version=$("$path" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    found="$found $version"
    "$path" -c "$usable" 2>/dev/null || continue
    if "$path" -c "$complete" 2>/dev/null; then
        echo "$path"
        exit 0
    fi
    unfit="$path"
done
if [ -n "$unfit" ]; then
    echo "$unfit cannot make virtual environments: install its venv package (on Debian: apt install python3-venv) and start again." >&2
elif [ -n "$found" ]; then
    echo "Python 3.11, 3.12 or 3.13 is needed, but here is only$found: install one of them, or name it with PYTHON=/path/to/python." >&2
else
    echo "Python 3.11, 3.12 or 3.13 is needed, and no Python was found: install one, or name it with PYTHON=/path/to/python." >&2
fi
exit 1
