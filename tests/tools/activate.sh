# For `source`: installs the deployment tools if they are missing and adds them to this shell's path.

"$(dirname "${BASH_SOURCE[0]:-$0}")/install.sh" \
    && rustup target add aarch64-unknown-linux-gnu \
    && PATH="$(cd "$(dirname "${BASH_SOURCE[0]:-$0}")/../.." && pwd)/.tools/sam/bin:$PATH"
