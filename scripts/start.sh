#!/usr/bin/env bash
# npm start: sets everything up and runs the demonstration on real traffic. Options: -- --for SECONDS, --help.
source "$(dirname "$0")/setup.sh"
need_npm_packages
need_debian_packages nats-server:nats-server
need_build
exec npx tsx examples/three-relays/demo.ts "$@"
