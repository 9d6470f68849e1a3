#!/bin/sh
# Makes a virtual environment in the folder that it is given, with a Python of 3.11 or newer.
#
# The system's own Python comes first: distributions build it with profile-guided optimization, and
# one that was built by hand (as pyenv does) may take half as long again. Another is taken where
# PYTHON names it. An environment that works is kept. Where Python or its venv module is missing, a
# sentence says which package to add.
set -eu

folder="$1"
least="3, 11"

new_enough() {
    "$1" -c "import sys; sys.exit(sys.version_info < ($least))" >/dev/null 2>&1
}

if [ -x "$folder/bin/python" ] && new_enough "$folder/bin/python" &&
    "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi

has_venv() {
    "$1" -c "import ensurepip, venv" >/dev/null 2>&1
}

python=""
for name in ${PYTHON:-$(command -p -v python3) python3 python3.14 python3.13 python3.12 python3.11}; do
    if command -v "$name" >/dev/null 2>&1 && new_enough "$name"; then
        [ -n "$python" ] || python="$name"
        if has_venv "$name"; then
            python="$name"
            break
        fi
    fi
done
if [ -z "$python" ]; then
    echo "make install: there is no Python 3.11 or newer on the PATH. Add one, for example Debian's package python3, and run it again." >&2
    exit 1
fi
if ! has_venv "$python"; then
    version="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
    echo "make install: $python comes without venv. Add the package python$version-venv (apt-get install python$version-venv) and run it again." >&2
    exit 1
fi
echo "make install: making $folder with $("$python" --version)"
"$python" -m venv --clear "$folder"
