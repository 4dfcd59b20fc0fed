#!/usr/bin/env bash
# npm test: sets everything up and runs all tests; arguments go to vitest (npm test -- --project unit).
source "$(dirname "$0")/setup.sh"
need_npm_packages
if ! command -v pg_lsclusters >/dev/null; then
  # The tests bring a cluster of their own: installing the package must not leave a server running on this machine.
  as_root mkdir -p /etc/postgresql-common/createcluster.d
  echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.d/flotilla.conf >/dev/null
fi
need_debian_packages nats-server:nats-server iproute2:ip nftables:nft util-linux:setpriv openssl:openssl systemd:systemd-analyze faketime:faketime postgresql:pg_lsclusters
need_build
[ $# -eq 0 ] || exec npx vitest run "$@"
# Tests with real servers mostly wait, the others compute: side by side they take half of the time, the latter with what the
# former leave of the processor. What runs beside is said at the end.
reports=$(mktemp -d)
nice -n 19 npx vitest run --maxWorkers=2 --project unit --project umask --project sim >"$reports/computing" 2>&1 &
computing=$!
npx vitest run --project waiting >"$reports/waiting" 2>&1 &
waiting=$!
trap 'kill "$computing" "$waiting" 2>/dev/null || true; rm -rf "$reports"' EXIT
say 'unit tests, simulations and long tests run beside the tests with real servers; what they say comes at the end'
failed=0
npx vitest run --project integration 2>&1 | tee "$reports/integration" || failed=1
wait "$waiting" || failed=1
wait "$computing" || failed=1
# By itself: beside others nodes would wait for the processor, and all of a fleet's promises have times.
say 'and a storm: real faults over a whole fleet, for half a minute'
node --import tsx test/chaos/cli.ts --minutes 0.5 --seed 11 >"$reports/storm" 2>&1 || failed=1
cat "$reports/waiting" "$reports/computing" "$reports/storm"
if [ "$failed" -ne 0 ]; then
  # Failures last: a record of a run often keeps no more than its end, and thousands of lines would stand between it and their reasons.
  say 'what failed, once more:'
  sed -s -n '/Failed Tests\|Failed Suites\|Unhandled Error/,$p' "$reports/integration" "$reports/waiting" "$reports/computing"
  tail -n 40 "$reports/storm"
fi
exit "$failed"
