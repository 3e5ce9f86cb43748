#!/bin/bash
# Topicwire on a store of a million entries, beside itself on a store of 30,000. One command, figures as output:
#
#     benches/million.sh [ENTRIES=1000000] [ROUNDS=5]
#
# It grows the store through refreshes of the corpus of side-by-side/feedlab, each of them 60 days after the last, so that everything in it
# and beside it was made and published by the program itself. That takes most of the time; a store that was grown is kept in
# target/million (STATE_ROOT names another place, with about 30 GB free) and used again. TOPICWIRE names another binary than the release build.
set -euo pipefail
cd "$(dirname "$0")"
(cd side-by-side/feedlab && cargo build --release --quiet)
[ -n "${TOPICWIRE:-}" ] || (cd .. && cargo build --release --quiet)
export TOPICWIRE=${TOPICWIRE:-$(cd .. && pwd)/target/release/topicwire} STATE_ROOT=${STATE_ROOT:-$(cd .. && pwd)/target}
exec python3 side-by-side/million.py "${1:-1000000}" "${2:-5}"
