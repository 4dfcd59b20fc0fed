#!/usr/bin/env bash
# npm run demo:vip: sets everything up and shows addresses that float between three machines. Options: -- --for SECONDS,
# --help.
source "$(dirname "$0")/setup.sh"
need_npm_packages
need_debian_packages nats-server:nats-server iproute2:ip nftables:nft util-linux:setpriv
need_build
command=(node --import tsx examples/floating-addresses/demo.ts "$@")
for word in "$@"; do
  case $word in --help | -h) exec "${command[@]}" ;; esac
done
# As in start.sh: npm passes signals on to a shell that dies of them and tells nobody. Inside sudo, because the wish for
# a signal does not outlive a change of user.
command=(setpriv --pdeathsig TERM -- "${command[@]}")
[ "$(id -u)" = 0 ] && exec "${command[@]}"
command -v sudo >/dev/null || fail 'root or sudo is needed: the machines of the demonstration are network namespaces.'
say 'asking sudo for root: the machines of the demonstration are network namespaces'
exec sudo env "PATH=$PATH" "${command[@]}"
