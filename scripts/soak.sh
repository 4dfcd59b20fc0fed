#!/usr/bin/env bash
# npm run soak -- [--minutes N] [--sessions N]: three nodes, a manager and a NATS server under steady load; prints how memory
# and handles grow, and how late their event loops were.
source "$(dirname "$0")/setup.sh"
need_npm_packages
need_debian_packages nats-server:nats-server
need_build
exec node --import tsx test/soak/cli.ts "$@"
