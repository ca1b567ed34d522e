# Sourced by scripts/test: PostgreSQL and Redis, which tests of jobs and of limits use.

# install_databases: with Debian's packages where that is allowed here (root, apt). Without them tests are skipped, which
# tests/support/database_servers.py says; under CI they fail.
install_databases() {
    has_postgres || install_packages postgresql || true
    command -v redis-server >/dev/null || install_packages redis-server || true
}

has_postgres() {
    command -v pg_ctl >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/pg_ctl" >/dev/null
}

# start_databases: on free ports and in a temporary folder, until this process or what it becomes has ended, also after
# Ctrl-C. Their addresses are in TEST_POSTGRES_URL and TEST_REDIS_URL; an address that is set already is used instead.
start_databases() {
    [[ -n "${TEST_POSTGRES_URL:-}" && -n "${TEST_REDIS_URL:-}" ]] && return
    local urls
    urls="$("$VENV/bin/python" "$ROOT/tests/support/database_servers.py" $$)"
    eval "$urls"
}
