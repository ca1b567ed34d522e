# Sourced by the scripts beside it: the virtual environment .venv, made with nothing but a system Python and pip.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
VENV="$ROOT/.venv"
STAMP="$VENV/installed-extras"

export ORT_DISABLE_TELEMETRY=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# Parallelism is the server's own business: one thread a core. Libraries that start more only get in its way.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" OPENBLAS_NUM_THREADS="${OPENBLAS_NUM_THREADS:-1}"

STEP="" STEP_BEGAN=0 STEP_CLOCK=""

# step TEXT: say on stderr what begins now, every ten seconds how long it has taken so far, and at end_step, or the next
# step, how long it took.
step() {
    end_step
    STEP="$1" STEP_BEGAN=$SECONDS
    echo "$STEP ..." >&2
    tell_time &
    STEP_CLOCK=$!
    trap end_step EXIT
}

end_step() {
    [[ -n "$STEP" ]] || return 0
    kill "$STEP_CLOCK" 2>/dev/null && wait "$STEP_CLOCK" 2>/dev/null || true
    echo "$STEP: $((SECONDS - STEP_BEGAN)) s" >&2
    STEP=""
}

tell_time() {
    while sleep 10 </dev/null >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
        echo "$STEP: $((SECONDS - STEP_BEGAN)) s so far ..." >&2
    done
}

# prepare_venv EXTRA...: make .venv if it is missing or broken, and install paraserve with these extras into it unless
# the stamp says that this was done after the last change of pyproject.toml and constraints.txt.
prepare_venv() {
    is_venv_usable || make_venv
    is_installed "$@" && return
    local extras
    extras="$(installed_extras "$@")"
    step "Installing paraserve[$extras] into .venv (the first time takes a minute or two)"
    (cd "$ROOT" && "$VENV/bin/python" -m pip install --quiet --no-compile -c constraints.txt -e ".[$extras]")
    step "Compiling the modules of .venv"
    # pip would compile on one core. What cannot be compiled (templates, tests of other Pythons) is never loaded.
    "$VENV/bin/python" -m compileall -qq -j 0 "$VENV"/lib/python*/site-packages || true
    end_step
    printf '%s\n%s\n' "$ROOT" "$extras" >"$STAMP"
}

is_venv_usable() {
    # A virtual environment does not survive a move of its folder.
    [[ -f "$STAMP" && "$(head -n 1 "$STAMP")" != "$ROOT" ]] && return 1
    "$VENV/bin/python" -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

make_venv() {
    local python
    python="$(find_python)"
    echo "Making .venv with $("$python" --version) ..." >&2
    # Debian's Python has no ensurepip without the package python3-venv; its pip can fill an empty environment.
    "$python" -m venv --clear "$VENV" >/dev/null 2>&1 && return
    if ! { "$python" -m venv --clear --without-pip "$VENV" &&
        "$python" -m pip --python "$VENV/bin/python" install --quiet pip; }; then
        echo "Cannot make a virtual environment: install pip for $python (Debian: apt install python3-venv)." >&2
        return 1
    fi
}

find_python() {
    local name
    for name in python3.11 python3.12 python3.13 python3.14 python3; do
        if "$name" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    echo "Python 3.11 or newer is needed and was not found (Debian: apt install python3-venv)." >&2
    return 1
}

is_installed() {
    local extra
    [[ "$STAMP" -nt "$ROOT/pyproject.toml" && "$STAMP" -nt "$ROOT/constraints.txt" ]] || return 1
    for extra in "$@"; do
        [[ ",$(sed -n 2p "$STAMP")," == *",$extra,"* ]] || return 1
    done
}

# installed_extras EXTRA...: these and the ones installed already, separated by commas.
installed_extras() {
    { [[ -f "$STAMP" ]] && sed -n 2p "$STAMP" | tr ',' '\n'; printf '%s\n' "$@"; } | sort -u | paste -sd, -
}
