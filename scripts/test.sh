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
[ $# -eq 0 ] || exec npx vitest run "$@"
# Tests with real servers mostly wait, the others compute: side by side they take two thirds of the time, the latter with what the
# former leave of the processor. What they say comes at the end.
said=$(mktemp)
nice -n 19 npx vitest run --project unit --project sim >"$said" 2>&1 &
computing=$!
trap 'kill "$computing" 2>/dev/null; rm -f "$said"' EXIT
say 'unit tests and simulations run beside the tests with real servers; what they say comes at the end'
failed=0
npx vitest run --project integration || failed=1
wait "$computing" || failed=1
cat "$said"
exit "$failed"
