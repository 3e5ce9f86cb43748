#!/bin/bash
# Topicwire beside the floors (fetch; and parse; and store) and, if asked, other aggregators, over the same corpus from a loopback origin. One
# command, a table as output:
#
#     benches/side-by-side/compare.sh [FEEDS=1000] [ROUNDS=3]
#
# FEEDS is 200, 1000 or 5000. State is kept on tmpfs, so that nobody waits for the disk. LATENCY=0 leaves out the rounds with 100 ms.
# PEERS names others, separated by commas: what people write by hand in Python (planet:aiohttp-fastfeedparser, the fastest of all;
# planet:httpx-fastfeedparser, planet:aiohttp-feedparser), reader, newsboat, sfeed:etag. Those in Python are installed into venv/, from PyPI;
# newsboat and sfeed are the system's.
set -e
cd "$(dirname "$0")"
feeds=${1:-1000} rounds=${2:-3}
case ,$PEERS in
*,planet:* | *,reader*)
    [ -x venv/bin/python ] || python3 -m venv venv
    venv/bin/pip install --quiet --disable-pip-version-check feedparser fastfeedparser aiohttp httpx feedgen reader sgmllib3k
    ;;
esac
(cd feedlab && cargo build --release --quiet)
(cd yardstick && cargo build --release --quiet)
[ -n "$TOPICWIRE" ] || (cd ../.. && cargo build --release --quiet)
export TOPICWIRE=${TOPICWIRE:-$(cd ../.. && pwd)/target/release/topicwire}
mkdir -p "${STATE_ROOT:-/dev/shm}/topicwire-bench"
ln -sfn "${STATE_ROOT:-/dev/shm}/topicwire-bench" state
rm -f results.jsonl
python3 bench.py --peer "floor:fetch,floor:parse,floor:store,topicwire${PEERS:+,$PEERS}" --n "$feeds" --latency "${LATENCY:-0,100}" --rounds "$rounds" --phases cold,warm,changed
python3 table.py
