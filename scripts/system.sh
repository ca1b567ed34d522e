# Sourced by scripts/test: programs that some tests use and pip cannot install.

# require_programs PROGRAM:PACKAGE,PACKAGE:TESTS ...: where a program is missing, install these Debian packages if that
# is allowed here (root, apt), else say which tests are skipped for want of it.
require_programs() {
    local entry program packages tests
    for entry in "$@"; do
        IFS=: read -r program packages tests <<<"$entry"
        command -v "$program" >/dev/null || install_packages "${packages//,/ }" || true
        command -v "$program" >/dev/null ||
            echo "Skipping $tests: no $program here (Debian: apt install ${packages//,/ })." >&2
    done
}

install_packages() {
    [[ "$(id -u)" == 0 ]] && command -v apt-get >/dev/null || return 1
    step "Installing $1 with apt"
    local status=0
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $1; } </dev/null >/dev/null ||
        status=$?
    end_step
    return $status
}
