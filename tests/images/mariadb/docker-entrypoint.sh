#!/usr/bin/env bash
# Brings a data directory into being on the first start, then becomes the server.
#
# Honours what the official image promises: MARIADB_ROOT_PASSWORD, MARIADB_ROOT_HOST,
# MARIADB_DATABASE, MARIADB_USER, MARIADB_PASSWORD, each of them also as NAME_FILE,
# MARIADB_RANDOM_ROOT_PASSWORD and MARIADB_ALLOW_EMPTY_ROOT_PASSWORD, all of them also with MYSQL_
# in front, and the files of /docker-entrypoint-initdb.d in the order of their names. The tables of
# time zones stay empty: filling them is most of the official image's first start.
set -Eeuo pipefail

START_SECONDS_MAX=60

complain() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

note() { printf '%s: %s\n' "$0" "$*"; }

# from_file NAME : takes NAME from the file that NAME_FILE names, or leaves it as it is.
from_file() {
    local name=$1 file_name="$1_FILE"
    [[ -n ${!file_name:-} ]] || return 0
    [[ -z ${!name:-} ]] || complain "both $name and $file_name are set; set one of them"
    export "$name=$(<"${!file_name}")"
    unset "$file_name"
}

# take NAME DEFAULT : settles MARIADB_NAME, which may also be spelled MYSQL_NAME.
take() {
    local name="MARIADB_$1" other="MYSQL_$1"
    from_file "$name"
    from_file "$other"
    export "$name=${!name:-${!other:-$2}}"
}

# Whether these arguments only ask a question, which needs no data directory.
asks_only() {
    local argument
    for argument; do
        case $argument in
            -'?' | --help | --print-defaults | -V | --version) return 0 ;;
        esac
    done
    return 1
}

# setting NAME ARGUMENT... : the value that the server will use, from its files and its arguments.
setting() {
    local name=$1 value='' argument
    shift
    while IFS= read -r argument; do
        [[ $argument == "--$name="* ]] && value=${argument#*=}
    done < <(my_print_defaults --mysqld && printf '%s\n' "$@")
    printf '%s\n' "$value"
}

read_environment() {
    take ROOT_PASSWORD ''
    take ROOT_HOST '%'
    take DATABASE ''
    take USER ''
    take PASSWORD ''
    take RANDOM_ROOT_PASSWORD ''
    take ALLOW_EMPTY_ROOT_PASSWORD "${MYSQL_ALLOW_EMPTY_PASSWORD:-}"
}

# Gives a directory to the user of the server. The directory itself comes last, so that a walk that
# was cut short is made again; where it and all that lies directly in it are right, none is made.
hand_over() {
    [[ -n $(find "$1" -maxdepth 1 \! -user mysql -print -quit) ]] || return 0
    find "$1" -depth \! -user mysql -exec chown mysql: '{}' +
}

refuse_open_door() {
    if [[ -z $MARIADB_ROOT_PASSWORD$MARIADB_RANDOM_ROOT_PASSWORD$MARIADB_ALLOW_EMPTY_ROOT_PASSWORD ]]; then
        complain 'the database is empty and no password for root is given; set one of' \
            'MARIADB_ROOT_PASSWORD, MARIADB_RANDOM_ROOT_PASSWORD, MARIADB_ALLOW_EMPTY_ROOT_PASSWORD'
    fi
    if [[ $MARIADB_USER == root ]]; then
        complain 'root is always there; set MARIADB_ROOT_PASSWORD, and leave MARIADB_USER for somebody else'
    fi
    if [[ -n $MARIADB_USER && -z $MARIADB_PASSWORD ]]; then
        complain 'MARIADB_USER is set without MARIADB_PASSWORD'
    fi
}

# ask ARGUMENT... : a client that is root, over the socket, and reads nobody's settings.
ask() {
    MYSQL_PWD=$root_password mariadb --no-defaults --protocol=socket --socket="$socket" \
        --user=root --default-character-set=utf8mb4 "$@"
}

# literal WORDS : as a string of SQL.
literal() {
    local words=$1 quote=\' slash=\\
    words=${words//"$slash"/"$slash$slash"}
    printf "'%s'" "${words//"$quote"/"$quote$quote"}"
}

# identifier WORDS : as a name of SQL.
identifier() {
    local tick=\`
    printf '%s' "$tick${1//"$tick"/"$tick$tick"}$tick"
}

# Prints what makes the accounts and the database out of what mariadb-install-db leaves behind.
accounts() {
    local password host
    password=$(literal "$MARIADB_ROOT_PASSWORD")
    echo 'SET @@SESSION.sql_log_bin = 0;'
    echo "SET @@SESSION.sql_mode = REPLACE(@@SESSION.sql_mode, 'NO_BACKSLASH_ESCAPES', '');"
    echo "DELETE FROM mysql.global_priv
        WHERE user <> 'mariadb.sys' AND NOT (user = 'root' AND host = 'localhost');"
    echo "DELETE FROM mysql.proxies_priv WHERE host <> 'localhost';"
    echo 'FLUSH PRIVILEGES;'
    if [[ -n $MARIADB_ROOT_HOST && $MARIADB_ROOT_HOST != localhost ]]; then
        host=$(literal "$MARIADB_ROOT_HOST")
        echo "CREATE USER 'root'@$host IDENTIFIED BY $password;"
        echo "GRANT ALL ON *.* TO 'root'@$host WITH GRANT OPTION;"
    fi
    if [[ -n $MARIADB_DATABASE ]]; then
        echo "CREATE DATABASE IF NOT EXISTS $(identifier "$MARIADB_DATABASE");"
    fi
    if [[ -n $MARIADB_USER ]]; then
        echo "CREATE USER $(literal "$MARIADB_USER")@'%' IDENTIFIED BY $(literal "$MARIADB_PASSWORD");"
        if [[ -n $MARIADB_DATABASE ]]; then
            # A grant's name of a database is a pattern, in which an underscore is any character.
            echo "GRANT ALL ON $(identifier "${MARIADB_DATABASE//_/\\_}").* TO $(literal "$MARIADB_USER")@'%';"
        fi
    fi
    # Last: it shuts out whoever is root without a password, which is how these words are read.
    echo "SET PASSWORD FOR 'root'@'localhost' = PASSWORD($password);"
}

run_init_files() {
    local file database=()
    [[ -z $MARIADB_DATABASE ]] || database=(--database="$MARIADB_DATABASE")
    for file in /docker-entrypoint-initdb.d/*; do
        case $file in
            *.sh)
                note "running $file"
                # One that cannot be executed is read in, as in the official image.
                # shellcheck source=/dev/null
                if [[ -x $file ]]; then "$file"; else source "$file"; fi
                ;;
            *.sql) note "running $file" && ask "${database[@]}" <"$file" ;;
            *.sql.gz) note "running $file" && gunzip -c "$file" | ask "${database[@]}" ;;
            *.sql.xz) note "running $file" && xzcat "$file" | ask "${database[@]}" ;;
            *.sql.zst) note "running $file" && zstd -dc "$file" | ask "${database[@]}" ;;
            */\*) ;;
            *) note "ignoring $file" ;;
        esac
    done
}

# Everything of the first start happens while nobody can connect from outside.
first_start() {
    local datadir=$1 program=$2 server
    # Only the arguments of the server count from here on.
    shift 2
    refuse_open_door
    if [[ -n $MARIADB_RANDOM_ROOT_PASSWORD ]]; then
        MARIADB_ROOT_PASSWORD=$(head -c 24 /dev/urandom | base64 | tr '+/' '-_')
        note "GENERATED ROOT PASSWORD: $MARIADB_ROOT_PASSWORD"
    fi
    mariadb-install-db --datadir="$datadir" --rpm --auth-root-authentication-method=normal \
        --skip-test-db "$@"

    root_password=''
    "$program" "$@" --skip-networking --socket="$socket" --wsrep_on=OFF --expire-logs-days=0 &
    server=$!
    local deadline=$((SECONDS + START_SECONDS_MAX))
    until ask --execute='DO 0' 2>/dev/null; do
        kill -0 "$server" 2>/dev/null || complain 'the server of the first start ended'
        ((SECONDS < deadline)) || complain 'the server of the first start does not answer'
        sleep 0.05
    done
    accounts | ask mysql
    root_password=$MARIADB_ROOT_PASSWORD
    run_init_files
    kill "$server"
    wait "$server" || complain 'the server of the first start did not end well'
    note 'first start done; ready for the server'
}

# Arguments alone are arguments of the server.
[[ ${1:-} == -* ]] && set -- mariadbd "$@"

if [[ ${1:-} == mariadbd || ${1:-} == mysqld ]] && ! asks_only "$@"; then
    read_environment
    datadir=$(setting datadir "$@")
    socket=$(setting socket "$@")
    mkdir -p "$datadir"
    if [[ $(id -u) == 0 ]]; then
        hand_over "$datadir"
        hand_over "$(dirname -- "$socket")"
        exec setpriv --reuid=mysql --regid=mysql --init-groups -- "$BASH" "${BASH_SOURCE[0]}" "$@"
    fi
    [[ -d $datadir/mysql ]] || first_start "$datadir" "$@"
fi

exec "$@"
