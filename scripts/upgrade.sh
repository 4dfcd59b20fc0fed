#!/usr/bin/env bash
# npm run upgrade [-- --from REVISION]: a cluster of nodes and managers of an earlier commit and of this tree, on a real
# nats-server. By default the commit before the last one that changed src.
source "$(dirname "$0")/setup.sh"
if [ "${1:-}" = --from ] && [ $# -eq 2 ]; then export FLOTILLA_UPGRADE_FROM=$2; elif [ $# -gt 0 ]; then
  fail 'usage: npm run upgrade [-- --from REVISION]'
fi
need_npm_packages
need_debian_packages nats-server:nats-server git:git
need_build
exec npx vitest run --project waiting --reporter=verbose test/integration/upgrade
