#!/usr/bin/env bash
# npm run check: types, lint and format, import directions, generated pages.
source "$(dirname "$0")/setup.sh"
need_npm_packages
npx tsc --noEmit -p .
npx biome check --error-on-warnings .
npx tsx scripts/layers.ts
npx tsx scripts/reference.ts --check
echo 'check: types, format, lint, layers and generated pages are fine'
