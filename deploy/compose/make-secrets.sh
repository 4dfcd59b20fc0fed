#!/usr/bin/env bash
# Makes a password for each role, once: `.env` for the NATS servers, Grafana and compose, `secrets/` for nodes and manager.
set -euo pipefail
cd "$(dirname "$0")"
[ ! -e .env ] || { echo "make-secrets: .env is there already; nothing was changed"; exit 0; }
umask 077
# A letter first: the NATS server would take digits with a letter behind them for a size.
password() { printf 'p%s' "$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"; }
mkdir -p secrets
node=$(password) manager=$(password) system=$(password)
{
  echo "COMPOSE_PROJECT_NAME=flotilla"
  echo "NODE_PASSWORD=$node"
  echo "MANAGER_PASSWORD=$manager"
  echo "SYSTEM_PASSWORD=$system"
  for role in EDITOR OPERATOR PROGRAM PULLER READER LISTENER ROUTE GRAFANA; do echo "${role}_PASSWORD=$(password)"; done
} >.env.new
printf '%s\n' "$node" >secrets/node-password
printf '%s\n' "$manager" >secrets/manager-password
printf 'cluster {\n  bus_system_user = "advisories"\n  bus_system_password = "%s"\n}\n' "$system" >secrets/system-login.conf
# Inside a container they are read by users that this machine does not know; the directory keeps others out.
chmod 0444 secrets/*
mv .env.new .env
echo "make-secrets: wrote .env and secrets/"
