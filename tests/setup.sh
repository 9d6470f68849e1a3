#!/bin/sh
# Brings what the tests need beside Python: a PostgreSQL server, PgBouncer and Chromium, without its
# windows where Debian has it so: a page takes a third of the time.
#
# Does nothing where they are there. Where one is missing it installs Debian's package, if it may
# (root, or sudo without a password); else it says in a sentence which packages to add, and fails.
# The tests start and stop the servers themselves: what the packages start by themselves is not used.
set -eu

has_postgresql() {
    command -v initdb >/dev/null 2>&1 && command -v postgres >/dev/null 2>&1 && return 0
    for server in /usr/lib/postgresql/*/bin/postgres; do
        [ -x "$server" ] && [ -x "${server%/postgres}/initdb" ] && return 0
    done
    return 1
}

has_pgbouncer() {
    command -v pgbouncer >/dev/null 2>&1 || [ -x /usr/sbin/pgbouncer ]
}

has_chromium() {
    command -v chromium-headless-shell >/dev/null 2>&1 || command -v chromium >/dev/null 2>&1
}

missing=""
has_postgresql || missing="$missing postgresql"
has_pgbouncer || missing="$missing pgbouncer"
has_chromium || missing="$missing chromium-headless-shell fonts-liberation"
missing="${missing# }"
[ -n "$missing" ] || exit 0

say_and_stop() {
    echo "make test: $1 Add these packages and run it again: $missing" >&2
    exit 1
}

command -v apt-get >/dev/null 2>&1 || say_and_stop "this machine has no apt-get."
if [ "$(id -u)" = 0 ]; then
    as_root=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    say_and_stop "may not install Debian packages as this user."
fi

echo "make test: installing $missing (once on this machine)"
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# A policy of 101 keeps the packages from starting servers of their own at installation.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
    trap 'rm -f "$log"; $as_root rm -f "$policy"' EXIT
fi
install() {
    # Word splitting of $missing is meant: each word is a package.
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends $missing >>"$log" 2>&1
}
# The lists of a fresh machine are empty or old: they are fetched anew before installing.
$as_root apt-get update >>"$log" 2>&1 || true
case "$missing" in *headless-shell*)
    # Older releases have but the whole browser.
    apt-cache show chromium-headless-shell >/dev/null 2>&1 ||
        missing="$(echo "$missing" | sed 's/-headless-shell//')"
    ;;
esac
if ! install; then
    tail -n 20 "$log" >&2
    say_and_stop "apt-get could not install them."
fi
