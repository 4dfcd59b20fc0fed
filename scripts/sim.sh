#!/usr/bin/env bash
# npm run sim -- [--seed N] [--runs N] [--hours H] [--jobs N]: the simulator, bundled, because it runs twice as fast.
source "$(dirname "$0")/setup.sh"
need_npm_packages
mkdir -p .cache
npx esbuild test/sim/cli.ts --bundle --platform=node --format=esm --packages=external --log-level=warning --outfile=.cache/sim.mjs
exec node .cache/sim.mjs "$@"
