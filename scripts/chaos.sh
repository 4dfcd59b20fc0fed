#!/usr/bin/env bash
# npm run chaos -- --minutes N [--seed S] [--upgrade-from COMMIT]: a storm of real faults over a whole fleet.
# npm run chaos -- [--kind K ...] [--rounds N] [--jobs N] [--profile fast|default]: rounds of one fault each, on four nodes
# with floating addresses.
# npm run chaos -- --busy LOOPS --minutes N: no fault, but busy loops beside these four nodes.
# All in network namespaces; they need root.
source "$(dirname "$0")/setup.sh"
need_npm_packages
need_debian_packages nats-server:nats-server iproute2:ip nftables:nft faketime:faketime
need_build
exec node --import tsx test/chaos/cli.ts "$@"
