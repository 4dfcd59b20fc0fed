#!/usr/bin/env bash
# npm run fuzz -- [--only NAME] [--runs N] [--seed N]: random and mutated inputs for everything that reads bytes from
# outside; a million each unless told.
source "$(dirname "$0")/setup.sh"
need_npm_packages
exec node --expose-gc --import tsx test/fuzz/cli.ts "$@"
