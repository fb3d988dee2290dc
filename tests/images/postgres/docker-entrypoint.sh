#!/usr/bin/env bash
# Brings a data directory into being on the first start, then becomes the server.
#
# Honours what the official image promises: POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB,
# POSTGRES_INITDB_ARGS, POSTGRES_INITDB_WALDIR, POSTGRES_HOST_AUTH_METHOD, each of the first four
# also as NAME_FILE, and the files of /docker-entrypoint-initdb.d in the order of their names.
set -Eeuo pipefail

complain() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

note() { printf '%s: %s\n' "$0" "$*"; }

# from_file NAME DEFAULT : takes NAME from the file that NAME_FILE names, from itself, or the default.
from_file() {
    local name=$1 file_name="$1_FILE" value=$2
    if [[ -n ${!name:-} && -n ${!file_name:-} ]]; then
        complain "both $name and $file_name are set; set one of them"
    fi
    if [[ -n ${!name:-} ]]; then
        value=${!name}
    elif [[ -n ${!file_name:-} ]]; then
        value=$(<"${!file_name}")
    fi
    export "$name=$value"
    unset "$file_name"
}

# Whether these arguments only ask a question, which needs no data directory.
asks_only() {
    local argument
    for argument; do
        case $argument in
            -'?' | --help | --describe-config | -V | --version) return 0 ;;
        esac
    done
    return 1
}

read_environment() {
    from_file POSTGRES_PASSWORD ''
    from_file POSTGRES_USER postgres
    from_file POSTGRES_DB "$POSTGRES_USER"
    from_file POSTGRES_INITDB_ARGS ''
    : "${POSTGRES_HOST_AUTH_METHOD:=}"
}

# Gives a directory to the user of the server. The directory itself comes last, so that a walk that
# was cut short is made again; where it and all that lies directly in it are right, none is made.
hand_over() {
    [[ -n $(find "$1" -maxdepth 1 \! -user postgres -print -quit) ]] || return 0
    find "$1" -depth \! -user postgres -exec chown postgres '{}' +
}

make_directories() {
    mkdir -p "$PGDATA"
    # Whoever may not change a mode has to live with the one that is there.
    chmod 00700 "$PGDATA" 2>/dev/null || true
    mkdir -p /var/run/postgresql
    chmod 03775 /var/run/postgresql 2>/dev/null || true
    if [[ -n ${POSTGRES_INITDB_WALDIR:-} ]]; then
        mkdir -p "$POSTGRES_INITDB_WALDIR"
        chmod 700 "$POSTGRES_INITDB_WALDIR"
    fi
    if [[ $(id -u) == 0 ]]; then
        hand_over "$PGDATA"
        hand_over /var/run/postgresql
        if [[ -n ${POSTGRES_INITDB_WALDIR:-} ]]; then
            hand_over "$POSTGRES_INITDB_WALDIR"
        fi
    fi
}

refuse_open_door() {
    if [[ -z $POSTGRES_PASSWORD && $POSTGRES_HOST_AUTH_METHOD != trust ]]; then
        complain 'the database is empty and no password for its superuser is given;' \
            'set POSTGRES_PASSWORD, or POSTGRES_HOST_AUTH_METHOD=trust to let everybody in'
    fi
}

# named COMMAND... : runs a command that wants its user to have a name, which the user of a container
# need not have.
named() {
    local library passwd group outcome=0
    library=$(find /usr/lib -name libnss_wrapper.so -print -quit)
    if getent passwd "$(id -u)" >/dev/null || [[ -z $library ]]; then
        "$@"
        return
    fi
    passwd=$(mktemp)
    group=$(mktemp)
    printf 'postgres:x:%s:%s::%s:/bin/false\n' "$(id -u)" "$(id -g)" "$PGDATA" >"$passwd"
    printf 'postgres:x:%s:\n' "$(id -g)" >"$group"
    LD_PRELOAD=$library NSS_WRAPPER_PASSWD=$passwd NSS_WRAPPER_GROUP=$group "$@" || outcome=$?
    rm -f "$passwd" "$group"
    return "$outcome"
}

init_directory() {
    local arguments=()
    # The variable is a list of words, quoted as for a shell; that is its contract.
    eval "arguments=($POSTGRES_INITDB_ARGS)"
    if [[ -n ${POSTGRES_INITDB_WALDIR:-} ]]; then
        arguments=(--waldir "$POSTGRES_INITDB_WALDIR" "${arguments[@]}")
    fi
    named initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") "${arguments[@]}"
    # Nobody's password is checked over the socket, which only this container can open.
    local method=$POSTGRES_HOST_AUTH_METHOD
    [[ -n $method ]] || method=$(postgres -C password_encryption "$@")
    printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"
}

# ask DATABASE ARGUMENT... : psql that stops at the first error and reads nobody's settings.
ask() {
    local database=$1
    shift
    PGHOST='' PGHOSTADDR='' PGPASSWORD="${PGPASSWORD:-$POSTGRES_PASSWORD}" \
        psql -v ON_ERROR_STOP=1 --no-psqlrc --no-password \
        --username "$POSTGRES_USER" --dbname "$database" "$@"
}

create_database() {
    [[ $POSTGRES_DB == postgres ]] && return
    local there
    there=$(ask postgres --tuples-only --set db="$POSTGRES_DB" \
        <<<"SELECT 1 FROM pg_database WHERE datname = :'db';")
    [[ -n $there ]] || ask postgres --set db="$POSTGRES_DB" <<<'CREATE DATABASE :"db";'
}

run_init_files() {
    local file
    for file in /docker-entrypoint-initdb.d/*; do
        case $file in
            *.sh)
                note "running $file"
                # One that cannot be executed is read in, as in the official image.
                # shellcheck source=/dev/null
                if [[ -x $file ]]; then "$file"; else source "$file"; fi
                ;;
            *.sql) note "running $file" && ask "$POSTGRES_DB" -f "$file" ;;
            *.sql.gz) note "running $file" && gunzip -c "$file" | ask "$POSTGRES_DB" ;;
            *.sql.xz) note "running $file" && xzcat "$file" | ask "$POSTGRES_DB" ;;
            *.sql.zst) note "running $file" && zstd -dc "$file" | ask "$POSTGRES_DB" ;;
            */\*) ;;
            *) note "ignoring $file" ;;
        esac
    done
}

# Everything of the first start happens while nobody can connect from outside.
first_start() {
    refuse_open_door
    # From here on only the arguments of the server count.
    shift
    init_directory "$@"
    # For the files that call psql themselves.
    export PGPASSWORD=$POSTGRES_PASSWORD
    NOTIFY_SOCKET='' PGUSER=$POSTGRES_USER pg_ctl -D "$PGDATA" -w start \
        -o "$(printf '%q ' "$@" -c listen_addresses='' -p 5432)"
    create_database
    run_init_files
    pg_ctl -D "$PGDATA" -m fast -w stop
    unset PGPASSWORD
    note 'first start done; ready for the server'
}

# Arguments alone are arguments of the server.
[[ ${1:-} == -* ]] && set -- postgres "$@"

if [[ ${1:-} == postgres ]] && ! asks_only "$@"; then
    read_environment
    make_directories
    if [[ $(id -u) == 0 ]]; then
        exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$BASH" "${BASH_SOURCE[0]}" "$@"
    fi
    [[ -s $PGDATA/PG_VERSION ]] || first_start "$@"
fi

exec "$@"
