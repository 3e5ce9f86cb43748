#!/bin/bash
# Topicwire itself; TOPICWIRE=path of the binary (set by compare.sh).
# The site under test: every URL a source, the corpus' own topics as topics, loopback allowed, no pacing, no article pages.
set -e
T=${TOPICWIRE:?the binary}
case $1 in
setup) mkdir -p "$STATE"; python3 "$BENCH/topicwire-config.py" "$URLS" >"$STATE/feeds.toml" ;;
wipe) find "$STATE" -mindepth 1 -maxdepth 1 ! -name feeds.toml -exec rm -rf {} + ;;
prep) ;;
run) cd "$STATE" && exec "$T" refresh --config "$STATE/feeds.toml" ;;
publish) cd "$STATE" && exec "$T" publish --config "$STATE/feeds.toml" ;;
count) cd "$STATE" && "$T" status --config "$STATE/feeds.toml" --json | jq '[.sources[].entries] | add' ;;
esac
