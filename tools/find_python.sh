#!/bin/sh
# Prints the Python on this machine that the program is best run with: 3.11 to 3.13, with venv.
# That is the first on the path, unless another there counts faster by a good fifth: one that was
# compiled without its profile, as pyenv does it, takes half as long again for everything.
# PYTHON=/path/to/python names one by hand.  Where there is none: one clear sentence, exit code 1.
about='import os, sys; print("%d.%d %s" % (sys.version_info[:2] + (os.path.realpath(sys.executable),)))'
usable='import sys; ok = (3, 11) <= sys.version_info[:2] <= (3, 13); sys.exit(not ok)'
complete='import ensurepip, sqlite3, ssl, venv'
# Many short runs and the shortest of them: on a busy machine a long one never has a core to itself.
timed='
import time
def work():
    start, held = time.process_time(), {}
    for n in range(10000):
        held[n % 999] = held.get(n % 999, 0) + len(str(n))
    return time.process_time() - start
print(int(min(work() for _ in range(40)) * 1e6))'
best=''
least=0
found=''
unfit=''
seen=' '

# consider PATH: take it for the best so far, or note why not.
consider() {
    facts=$("$1" -c "$about" 2>/dev/null) || return 0
    case "$seen" in *" ${facts#* } "*) return 0 ;; esac
    seen="$seen${facts#* } "
    found="$found ${facts%% *}"
    "$1" -c "$usable" 2>/dev/null || return 0
    if ! "$1" -c "$complete" 2>/dev/null; then
        unfit=$1
        return 0
    fi
    took=$("$1" -c "$timed" 2>/dev/null) || return 0
    if [ -z "$best" ] || [ $((took * 5)) -lt $((least * 4)) ]; then
        best=$1
        least=$took
    fi
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
if [ -n "$best" ]; then
    echo "$best"
    exit 0
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
