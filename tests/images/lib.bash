# Words that the scripts of this folder share. Sourced, never run.

# Progress and complaints both go to stderr: stdout belongs to whoever calls.
say() { printf '%s\n' "$*" >&2; }

fail() {
    say "error: $*"
    exit 1
}

# Whether a Docker Engine answers right now.
engine_answers() { timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

is_debian_root() {
    [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null && [[ -e /etc/debian_version ]]
}

# apt_install PACKAGE... : installs Debian packages, quietly unless it fails.
apt_install() {
    local log
    log=$(mktemp)
    if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@"; } </dev/null >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        fail "apt-get could not install: $*"
    fi
    rm -f "$log"
}

# timed WORDS COMMAND... : runs a command in silence and says how long it took; its output is shown when it fails.
timed() {
    local words=$1 log begun=$EPOCHREALTIME ended
    shift
    log=$(mktemp)
    if ! "$@" </dev/null >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        rm -f "$log"
        say "  failed: $words"
        return 1
    fi
    rm -f "$log"
    ended=$EPOCHREALTIME
    printf '  %-58s %6.1f s\n' "$words" \
        "$(((${ended/[.,]/} - ${begun/[.,]/}) / 100000))e-1" >&2
}
