#!/usr/bin/env bash
# npm run chaos -- [--kind K ...] [--rounds N] [--jobs N] [--profile fast|default]: real faults on real clusters in
# network namespaces. Needs root.
source "$(dirname "$0")/setup.sh"
need_npm_packages
need_debian_packages nats-server:nats-server iproute2:ip nftables:nft
need_build
exec node --import tsx test/chaos/cli.ts "$@"
