#!/bin/sh
# Lint, types, format and the house test: everything that needs no server. Meant to take less than 30 s.
set -eu
tsc --noEmit &
types=$!
eslint --max-warnings=0 . &
lint=$!
prettier --log-level warn --check .
vitest run --project house
wait $types
wait $lint
