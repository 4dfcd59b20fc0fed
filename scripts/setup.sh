# Sourced by the other scripts: makes sure that everything they need is here, and says what it does.
# need_node, need_npm_packages, need_debian_packages PACKAGE:COMMAND ..., need_build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export npm_config_loglevel=error npm_config_fund=false npm_config_audit=false npm_config_update_notifier=false

say() { printf '\033[2m[setup]\033[0m %s\n' "$*" >&2; }
fail() { printf '[setup] %s\n' "$*" >&2; exit 1; }

need_node() {
  command -v node >/dev/null || fail 'Node.js is missing. Install Node 20.19 or later with npm, then run this again.'
  node -e 'const [a,b]=process.versions.node.split(".").map(Number);process.exit(a>20||(a===20&&b>=19)?0:1)' ||
    fail "Node $(node -v) is too old: 20.19 or later is needed."
}

# Packages are installed again only when the lock file has changed since.
need_npm_packages() {
  local stamp=node_modules/.flotilla-lock
  if [ ! -f "$stamp" ] || ! cmp -s package-lock.json "$stamp"; then
    say 'installing npm packages'
    # Not `npm ci`: it refuses a lock file that lacks optional binaries for other platforms, and some registries do not
    # carry them. `--no-save` installs what the lock file says and leaves it alone.
    npm install --no-save --no-progress >&2 || fail 'npm install failed: is the npm registry reachable?'
    cp package-lock.json "$stamp"
  fi
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
    fail "root or sudo is needed to run: $*"
  fi
}

# need_debian_packages nats-server:nats-server iproute2:ip ...
need_debian_packages() {
  local missing=() pair
  for pair in "$@"; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "${pair#*:}" >/dev/null || missing+=("${pair%%:*}")
  done
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null || fail "missing: ${missing[*]}. Install them with this system's package manager (no apt-get here)."
  say "installing Debian packages: ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update >&2 || fail 'apt-get update failed: is a Debian mirror reachable?'
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >&2 ||
    fail "apt-get could not install: ${missing[*]}"
}

# Compiles src to dist when a source file is newer.
need_build() {
  if [ ! -f dist/cli.js ] || [ -n "$(find src package.json tsconfig.build.json -newer dist/cli.js -type f -print -quit)" ]; then
    say 'compiling (tsc)'
    rm -rf dist
    npx tsc -p tsconfig.build.json
  fi
}

export PATH="$PATH:/usr/sbin:/sbin"
need_node
