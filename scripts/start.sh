#!/usr/bin/env bash
# npm start: sets everything up and runs the demonstration on real traffic. Options: -- --for SECONDS, --help.
source "$(dirname "$0")/setup.sh"
need_npm_packages
need_debian_packages nats-server:nats-server util-linux:setpriv
need_build
# Not `npx tsx`: with processes in between, a signal for this one would not reach the demonstration. And npm passes
# signals on to a shell that dies of them and tells nobody: so the end of the parent is a SIGTERM, too.
exec setpriv --pdeathsig TERM -- node --import tsx examples/three-relays/demo.ts "$@"
