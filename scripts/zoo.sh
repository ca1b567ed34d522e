# Sourced by scripts/test: the tests of FunASR's PyTorch models, in a virtual environment of their own, build/zoo/.venv:
# PyTorch takes some GB.

ZOO="$ROOT/build/zoo"

# In a subshell, where the functions of venv.sh work on this environment.
test_zoo() (
    VENV="$ZOO/.venv"
    STAMP="$VENV/installed"
    mkdir -p "$ZOO"
    is_venv_usable || make_venv
    is_zoo_installed || install_zoo
    cd "$ROOT"
    "$VENV/bin/python" -m pytest tests/zoo --full
)

is_zoo_installed() {
    [[ "$STAMP" -nt "$ROOT/pyproject.toml" && "$STAMP" -nt "$ROOT/constraints.txt" ]]
}

install_zoo() {
    echo "Installing paraserve[cpu,funasr] into build/zoo/.venv (the first time takes some minutes) ..." >&2
    "$VENV/bin/python" -m pip install --quiet -c "$ROOT/constraints.txt" -e "$ROOT[cpu,funasr]" \
        pytest pytest-asyncio pytest-timeout hypothesis jsonschema rapidfuzz psutil
    printf '%s\n' "$ROOT" >"$STAMP"
}
