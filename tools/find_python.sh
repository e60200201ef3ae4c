#!/bin/sh
# Prints the Python on this machine that the program is best run with: 3.11 to 3.13, with venv.
# That is the first on the path, unless another there is much faster (tools/fastest_python.py): one that
# was compiled without its profile, as pyenv does it, takes half as long again for everything.
# PYTHON=/path/to/python names one by hand.  Where there is none: one clear sentence, exit code 1.
about='import os, sys; print("%d.%d %s" % (sys.version_info[:2] + (os.path.realpath(sys.executable),)))'
usable='import sys; ok = (3, 11) <= sys.version_info[:2] <= (3, 13); sys.exit(not ok)'
complete='import ensurepip, sqlite3, ssl, venv'
line='
'
fit=''
found=''
unfit=''
seen=$line

# consider PATH: note whether it fits, and if not, what it is.
consider() {
    facts=$("$1" -c "$about" 2>/dev/null) || return 0
    case "$seen" in *"$line${facts#* }$line"*) return 0 ;; esac
    seen=$seen${facts#* }$line
    found="$found ${facts%% *}"
    "$1" -c "$usable" 2>/dev/null || return 0
    if "$1" -c "$complete" 2>/dev/null; then fit=$fit$1$line; else unfit=$1; fi
}

for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
    case "$name" in
    */*) consider "$name" ;;
    *)
        IFS=:
        for folder in $PATH; do
            if [ -x "$folder/$name" ]; then consider "$folder/$name"; fi
        done
        unset IFS
        ;;
    esac
done
if [ -n "$fit" ]; then
    IFS=$line
    # shellcheck disable=SC2086  # one word for each line
    set -- $fit
    if [ $# -eq 1 ]; then echo "$1"; else "$1" "${0%/*}/fastest_python.py" "$@"; fi
    exit
elif [ -n "$unfit" ]; then
    echo "$unfit cannot make virtual environments: install its venv package (on Debian: apt install python3-venv) and start again." >&2
elif [ -n "$found" ]; then
    echo "Python 3.11, 3.12 or 3.13 is needed, but here is only$found: install one of them, or name it with PYTHON=/path/to/python." >&2
elif [ -n "${PYTHON:-}" ]; then
    echo "PYTHON names $PYTHON, and there is no Python: Python 3.11, 3.12 or 3.13 is needed." >&2
else
    echo "Python 3.11, 3.12 or 3.13 is needed, and no Python was found: install one, or name it with PYTHON=/path/to/python." >&2
fi
exit 1
