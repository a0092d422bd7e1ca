# Shared by the scripts beside it: where things are, and a Python to set the rest up with.

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
venv=${HEARTH_VENV:-$here/.venv}

# Whether a Python is 3.11 or later and has its standard library (Debian's smallest has not).
usable() {
    "$1" -c 'import sys, ctypes, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    local candidate
    for candidate in "$venv/bin/python" ${HEARTH_PYTHON:+"$HEARTH_PYTHON"} \
        python3.11 python3.12 python3.13 python3 /usr/bin/python3 python3.14; do
        if usable "$candidate"; then
            python=$candidate
            return
        fi
    done
    return 1
}

install_python() {
    local root=()
    ((EUID == 0)) || root=(sudo -n)
    if command -v apt-get >/dev/null && "${root[@]}" true 2>/dev/null; then
        export DEBIAN_FRONTEND=noninteractive
        "${root[@]}" apt-get update &&
            "${root[@]}" apt-get install -y --no-install-recommends python3 python3-venv
        # Ubuntu 22.04, and so JetPack 6, has a newer one beside its own.
        usable python3 || "${root[@]}" apt-get install -y --no-install-recommends \
            python3.11 python3.11-venv python3.11-dev || true
    fi >&2
    find_python || {
        echo "Hearth needs Python 3.11 or later. On Debian 12 or Raspberry Pi OS 12:" >&2
        echo "    sudo apt-get install python3 python3-venv" >&2
        echo "Elsewhere install one, and name it: HEARTH_PYTHON=/path/to/python3 $0" >&2
        exit 1
    }
}

# Make everything be there that is needed to `run` or to `test`. No more than a look if it is.
set_up() {
    find_python || install_python
    "$python" "$here/scripts/setup" "$1"
}
