#!/usr/bin/env bash
# npm run matrix [-- FILE ...]: integration tests on every pair of a Node and a nats-server: Node 20 and 24, the installed
# nats-server (2.9.10 in Debian 12) and the newest that Debian has. Without FILE, those tests that depend on either: links, embedded
# and external servers, JetStream, sockets, native calls; `npm run matrix -- test/integration` takes all, for an hour or two.
# Without FILE each pair also has to bear a storm (docs/guides/chaos.md) of FLOTILLA_MATRIX_STORM minutes, 1 unless given; it
# needs a machine that does nothing else.
#
# What is not installed comes from the npm registry (the package `node`) and from Debian (test/integration/nats-versions.ts)
# into .cache/. What cannot be had is said and stands in the table; a test that fails on any pair ends it with 1.
source "$(dirname "$0")/setup.sh"
need_npm_packages
need_debian_packages nats-server:nats-server iproute2:ip nftables:nft openssl:openssl faketime:faketime
need_build

storm_minutes=0
tests=("$@")
[ $# -gt 0 ] || storm_minutes=${FLOTILLA_MATRIX_STORM:-1}
[ $# -gt 0 ] || tests=(
  test/integration/bus/{connection,control,embedded-server,evidence}.test.ts
  test/integration/cluster/{api-nats,counting,throttles}.test.ts
  test/integration/console/cli-node.test.ts
  test/integration/linux/guardian.test.ts
  test/integration/peers/{streams,tls}.test.ts
  test/integration/repository/cluster.test.ts
)
reports=$PWD/.cache/matrix
rm -rf "$reports" && mkdir -p "$reports"
table="$reports/table"
row() { printf '%-10s %-12s %s\n' "$@" >>"$table"; }

# node_of MAJOR: path of a Node of that major version, or nothing.
node_of() {
  local folder=.cache/node-$1 own
  own=$(node -p 'process.execPath')
  if [ "$(node -p 'process.versions.node.split(".")[0]')" = "$1" ]; then echo "$own" && return; fi
  local binary=$PWD/$folder/node_modules/node/bin/node
  if ! [ -x "$binary" ]; then
    say "installing Node $1 from the npm registry into $folder"
    npm install --prefix "$folder" --no-save --no-package-lock "node@$1" >&2 || return 0
  fi
  # The package of the registry is a stranger's word: what counts is what the binary says.
  case $("$binary" --version) in v"$1".*) echo "$binary" ;; esac
}

servers=$(node --import tsx --input-type=module -e "
  import { natsBinaries } from './test/integration/nats-versions.ts';
  for (const { version, binary } of await natsBinaries()) console.log(version, binary);")
[ "$(wc -l <<<"$servers")" -gt 1 ] || row any newer 'not to be had from Debian: only the installed nats-server was tested'

failed=0
for major in 20 24; do
  node=$(node_of "$major")
  if [ -z "$node" ]; then row "$major" any 'not to be had from the npm registry'; continue; fi
  version=$("$node" --version)
  while read -r nats binary; do
    report="$reports/node-$major-nats-$nats"
    say "Node ${version#v}, nats-server $nats"
    path=$(dirname "$node"):$(dirname "$(command -v "$binary")"):$PATH
    SECONDS=0
    # Its own search path: embedded servers and the tests find this server first, and processes this Node.
    PATH=$path "$node" node_modules/vitest/vitest.mjs run --project integration --project waiting \
      --reporter=default --reporter=json --outputFile="$report.json" "${tests[@]}" >"$report.log" 2>&1 </dev/null || failed=1
    outcome=$(node -e 'const { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped, success } =
      JSON.parse(require("fs").readFileSync(process.argv[1]));
      console.log(`${passed} passed, ${failed} failed, ${skipped} skipped${success ? "" : ": see the log"}`);' "$report.json" ||
      echo 'no report: see the log')
    row "${version#v}" "$nats" "$outcome, $SECONDS s"
    [ "$storm_minutes" = 0 ] && continue
    say "Node ${version#v}, nats-server $nats: a storm of $storm_minutes minutes"
    PATH=$path "$node" --import tsx test/chaos/cli.ts --minutes "$storm_minutes" --seed 11 >"$report-storm.log" 2>&1 </dev/null || failed=1
    row "${version#v}" "$nats" "storm of $storm_minutes minutes, seed 11: $(awk '/^violations/ { said = $2 " violations" } END { print said ? said : "no report: see the log" }' "$report-storm.log")"
  done <<<"$servers"
done

[ "$failed" -eq 0 ] || [ "$storm_minutes" = 0 ] || tail -n 40 "$reports"/*-storm.log
[ "$failed" -eq 0 ] || sed -s -n '/Failed Tests\|Failed Suites\|Unhandled Error/,$p' "$reports"/*.log
printf '%-10s %-12s %s\n' Node nats-server tests
cat "$table"
[ "$failed" -eq 0 ] || say "logs: $reports"
exit "$failed"
