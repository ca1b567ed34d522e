# Sourced by scripts/test: the tests with Ray, in a virtual environment of their own, build/ray/.venv: Ray and what it
# needs take 0.5 GB. Their machines are network namespaces (iproute2, root).

RAY="$ROOT/build/ray"

# In a subshell, where the functions of venv.sh work on this environment.
test_ray() (
    VENV="$RAY/.venv"
    STAMP="$VENV/installed"
    mkdir -p "$RAY"
    is_venv_usable || make_venv
    is_ray_installed || install_ray
    require_programs ip:iproute2:tests/deploy/ray/test_bulk_on_machines.py
    cd "$ROOT"
    "$VENV/bin/python" -m pytest tests/deploy/ray --full
)

is_ray_installed() {
    [[ "$STAMP" -nt "$ROOT/pyproject.toml" && "$STAMP" -nt "$ROOT/constraints.txt" ]]
}

install_ray() {
    echo "Installing paraserve[cpu,ray] into build/ray/.venv (the first time takes some minutes) ..." >&2
    "$VENV/bin/python" -m pip install --quiet -c "$ROOT/constraints.txt" -e "$ROOT[cpu,ray]" \
        pytest pytest-asyncio pytest-timeout hypothesis psutil "moto[s3]"
    printf '%s\n' "$ROOT" >"$STAMP"
}
