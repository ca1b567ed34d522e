# Sourced by scripts/test: the tests of the training recipe, in a virtual environment of their own, recipes/demo/.venv:
# torch and the voices take 2 GB.

RECIPE="$ROOT/recipes/demo"

# In a subshell, where the functions of venv.sh work on the recipe's environment.
test_recipe() (
    VENV="$RECIPE/.venv"
    STAMP="$VENV/installed"
    is_venv_usable || make_venv
    is_recipe_installed || install_recipe
    require_programs flite:flite:formant-voices espeak-ng:espeak-ng:formant-voices
    cd "$RECIPE"
    "$VENV/bin/python" -m pytest
)

is_recipe_installed() {
    [[ "$STAMP" -nt "$ROOT/pyproject.toml" && "$STAMP" -nt "$RECIPE/pyproject.toml" &&
        "$STAMP" -nt "$RECIPE/requirements-no-deps.txt" ]]
}

install_recipe() {
    echo "Installing the training recipe into recipes/demo/.venv (the first time takes some minutes) ..." >&2
    "$VENV/bin/python" -m pip install --quiet -e "$ROOT[cpu]" -e "$RECIPE[train,test]"
    "$VENV/bin/python" -m pip install --quiet --no-deps -r "$RECIPE/requirements-no-deps.txt"
    printf '%s\n' "$ROOT" >"$STAMP"
}
