#!/usr/bin/env bash
# `redis-cli -u redis://:PASSWORD@HOST` is let in by no server, although libraries take the same address.
#
# Seen with redis-cli and redis-server 7.0.15 (Debian 12) and redis-py 6.4.0: the address has a password
# and no user, which is how most documentation writes it. redis-py sends the password alone. redis-cli
# sends an empty user name with it, the server knows no such user, and every command is answered with
#
#     NOAUTH Authentication required.
#
# With the user name `default` both are let in.
set -euo pipefail

work=$(mktemp -d)
leave() {
    [[ -e $work/server.pid ]] && kill "$(cat "$work/server.pid")"
    rm -rf "$work"
}
trap leave EXIT

(cd "$work" && apt-get download -qq \
    redis-tools=5:7.0.15-1~deb12u10 redis-server=5:7.0.15-1~deb12u10 \
    libatomic1 libjemalloc2 liblzf1 libssl3 libsystemd0 2>/dev/null)
for package in "$work"/*.deb; do dpkg -x "$package" "$work/debian"; done
python3 -m venv "$work/python"
"$work/python/bin/pip" install --quiet redis==6.4.0
export LD_LIBRARY_PATH=$work/debian/usr/lib/x86_64-linux-gnu
programs=$work/debian/usr/bin

port=6399
"$programs/redis-server" --port "$port" --bind 127.0.0.1 --requirepass secret --save '' \
    --daemonize yes --pidfile "$work/server.pid" --dir "$work" >/dev/null
for _ in {1..100}; do [[ -s $work/server.pid ]] && break; sleep 0.05; done

by() { # by ADDRESS
    printf '%s: redis-cli: %s; redis-py: %s\n' "$1" \
        "$("$programs/redis-cli" -u "$1" ping 2>/dev/null | grep .)" \
        "$("$work/python/bin/python" -c 'import redis, sys
print(redis.Redis.from_url(sys.argv[1]).ping())' "$1")"
}
seen=$(by "redis://:secret@127.0.0.1:$port/0"; by "redis://default:secret@127.0.0.1:$port/0")
echo "$seen"
[[ $seen == "redis://:secret@127.0.0.1:$port/0: redis-cli: NOAUTH Authentication required.; redis-py: True
redis://default:secret@127.0.0.1:$port/0: redis-cli: PONG; redis-py: True" ]]
