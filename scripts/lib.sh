# shellcheck shell=bash
# What the scripts share: finding out what is missing and installing it. Sourced, not run.

# need COMMAND PACKAGE [COMMAND PACKAGE]...: installs the Debian packages whose commands are missing.
need() {
    local missing=()
    # /usr/sbin is not in everybody's path, but its programs work inside a namespace of one's own.
    PATH=$PATH:/usr/sbin:/sbin
    while (($# >= 2)); do
        command -v "$1" >/dev/null || missing+=("$2")
        shift 2
    done
    ((${#missing[@]})) || return 0
    local as_root=()
    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
            echo "Missing packages: ${missing[*]}. Install them as root: apt-get install ${missing[*]}" >&2
            exit 1
        fi
        as_root=(sudo -n)
    fi
    echo "Installing ${missing[*]} ..."
    local log
    log=$(mktemp)
    if ! { "${as_root[@]}" apt-get update &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
            "${missing[@]}"; } >"$log" 2>&1; then
        cat "$log" >&2
        echo "Could not install ${missing[*]}." >&2
        exit 1
    fi
    rm -f "$log"
}

# need_masked COMMAND PACKAGE SERVICE: makes sure that a program is there, and that it does nothing to this machine: its
# service is masked before it comes, until somebody says "systemctl unmask SERVICE".
need_masked() {
    [[ ! -x $1 ]] || return 0
    local as_root=()
    ((EUID == 0)) || as_root=(sudo -n)
    if [[ ! -e /etc/systemd/system/$3.service ]] &&
        "${as_root[@]}" mkdir -p /etc/systemd/system 2>/dev/null; then
        "${as_root[@]}" ln -s /dev/null "/etc/systemd/system/$3.service"
    fi
    need "$1" "$2"
}

# need_rust: makes sure that cargo is there.
need_rust() {
    command -v cargo >/dev/null || PATH=$PATH:$HOME/.cargo/bin
    command -v cargo >/dev/null || {
        echo "Rust is missing. Install it from https://rustup.rs or with your distribution." >&2
        exit 1
    }
    need cc gcc
}
