#!/usr/bin/env bash
# npm run bench [-- NAME ...]: all benchmarks, or the ones named.
source "$(dirname "$0")/setup.sh"
need_npm_packages
need_debian_packages nats-server:nats-server redis-server:redis-server haproxy:haproxy \
  keepalived:keepalived rsyslog:rsyslogd iproute2:ip nftables:nft
need_build
mkdir -p .cache
npx esbuild bench/*.ts --bundle --platform=node --format=esm --packages=external --splitting --log-level=warning --outdir=.cache/bench --out-extension:.js=.mjs
exec node --expose-gc .cache/bench/main.mjs "$@"
