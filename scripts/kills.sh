#!/usr/bin/env bash
# npm run kills -- [--kills N] [--seed S] [--jobs N]: real processes killed at operations of their files.
source "$(dirname "$0")/setup.sh"
need_npm_packages
exec node --import tsx test/kills/cli.ts "$@"
