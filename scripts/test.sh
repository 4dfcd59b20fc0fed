#!/usr/bin/env bash
# npm test: sets everything up and runs all tests; arguments go to vitest (npm test -- --project unit).
source "$(dirname "$0")/setup.sh"
need_npm_packages
if ! command -v pg_lsclusters >/dev/null; then
  # The tests bring a cluster of their own: installing the package must not leave a server running on this machine.
  as_root mkdir -p /etc/postgresql-common/createcluster.d
  echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.d/flotilla.conf >/dev/null
fi
need_debian_packages nats-server:nats-server iproute2:ip nftables:nft openssl:openssl faketime:faketime postgresql:pg_lsclusters
need_build
exec npx vitest run "$@"
