#!/usr/bin/env bash
# npm test: sets everything up and runs all tests; arguments go to vitest (npm test -- --project unit).
source "$(dirname "$0")/setup.sh"
need_npm_packages
need_debian_packages nats-server:nats-server iproute2:ip nftables:nft openssl:openssl faketime:faketime
need_build
exec npx vitest run "$@"
