#!/usr/bin/env bash
# Becomes the server, as the user redis where it starts as root.
#
# Honours what the official image promises: a configuration file or options alone go to
# redis-server, and clients from other containers are let in without a password unless the
# configuration or the options say otherwise.
set -Eeuo pipefail

# Gives a directory to the user of the server. The directory itself comes last, so that a walk that
# was cut short is made again; where it and all that lies directly in it are right, none is made.
hand_over() {
    [[ -n $(find "$1" -maxdepth 1 \! -user redis -print -quit) ]] || return 0
    find "$1" -depth \! -user redis -exec chown redis: '{}' +
}

# Whether these arguments only ask a question, or start something that has no doors of its own.
asks_only() {
    case ${1:-} in
        -h | --help | -v | --version | --test-memory | --check-system) return 0 ;;
    esac
    [[ " $* " == *' --sentinel '* ]]
}

# Options alone, or a configuration file, are arguments of the server.
[[ ${1:-} == -* || ${1:-} == *.conf ]] && set -- redis-server "$@"

if [[ ${1:-} == redis-server ]]; then
    if [[ $(id -u) == 0 ]]; then
        hand_over .
        exec setpriv --reuid=redis --regid=redis --init-groups -- "$BASH" "${BASH_SOURCE[0]}" "$@"
    fi
    # What the server writes is nobody else's, unless somebody chose otherwise.
    [[ $(umask) != 0022 ]] || umask 0077

    shift
    if ! asks_only "$@"; then
        # A configuration file comes first, and of two equal options the later one counts.
        file=()
        if [[ -n ${1:-} && $1 != --* ]]; then
            file=("$1")
            shift
        fi
        if ((${#file[@]} == 0)) || ! grep -qiE '^[[:space:]]*protected-mode[[:space:]]' "${file[@]}" 2>/dev/null; then
            set -- --protected-mode no "$@"
        fi
        set -- "${file[@]}" "$@"
    fi
    set -- redis-server "$@"
fi

exec "$@"
