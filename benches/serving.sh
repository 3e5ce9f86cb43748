#!/bin/sh
# Requests a second of one feed of about 100 KB, here and from nginx, on this machine, in one run, a round after the other.
# Needs nginx, wrk and a release build: cargo build --release && benches/serving.sh [seconds]
set -eu
seconds=${1:-10}
here=$(cd "$(dirname "$0")/.." && pwd)
program=${TOPICWIRE:-$here/target/release/topicwire}
cores=$(nproc)
work=$(mktemp -d)
pids=
trap 'for pid in $pids; do kill "$pid" 2>/dev/null || :; done; wait; rm -rf "$work"' EXIT INT TERM

mkdir -p "$work/output/news" "$work/logs"
# nginx' workers may be another user.
chmod 755 "$work"
awk 'BEGIN {
    print "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">"
    for (n = 0; n < 200; n++)
        printf "<entry><id>urn:bench:%d</id><title>Entry %d</title><updated>2026-11-20T12:00:00Z</updated><summary>%0440d</summary></entry>\n", n, n, n * 7919
    print "</feed>" }' > "$work/output/news/bench.atom"
printf '[site]\ntitle = "Bench"\nbase_url = "http://127.0.0.1:18081/"\nlisten = "127.0.0.1:18081"\n[[source]]\nid = "none"\nurl = "https://none.invalid/"\nschedule = "1d"\n' > "$work/feeds.toml"
cat > "$work/nginx.conf" <<END
worker_processes $cores;
pid $work/nginx.pid;
error_log $work/logs/error.log;
daemon off;
events { worker_connections 512; }
http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    open_file_cache max=100 inactive=60s;
    types { application/atom+xml atom; }
    client_body_temp_path $work/logs; proxy_temp_path $work/logs; fastcgi_temp_path $work/logs; uwsgi_temp_path $work/logs; scgi_temp_path $work/logs;
    server { listen 127.0.0.1:18082; root $work/output; keepalive_requests 1000000000; }
}
END
nginx -p "$work" -c "$work/nginx.conf" & pids="$pids $!"
"$program" --config "$work/feeds.toml" serve > "$work/logs/serve" 2>&1 & pids="$pids $!"
feed=news/bench.atom
for port in 18081 18082; do
    n=0
    until curl -sf -o /dev/null "http://127.0.0.1:$port/$feed"; do n=$((n + 1)); [ $n -lt 50 ] || { cat "$work"/logs/*; exit 1; }; sleep 0.1; done
done

tag() { curl -sI "http://127.0.0.1:$1/$feed" | tr -d '\r' | sed -n 's/^[Ee][Tt]ag: //p'; }
# Port, header
rate() { wrk -t "$cores" -c $((2 * cores)) -d "${seconds}s" -H "$2" "http://127.0.0.1:$1/$feed" | awk '/^Requests\/sec/ { print $2 } /Non-2xx or 3xx|Socket errors/ { print "ERRORS" }' | tail -1; }

echo "$(wc -c < "$work/output/$feed") bytes, $cores cores, $((2 * cores)) connections, ${seconds}s each"
for round in 1 2 3; do
    for status in 200 304; do
        if [ $status = 200 ]; then ours="X-None: 1"; theirs=$ours; else ours="If-None-Match: $(tag 18081)"; theirs="If-None-Match: $(tag 18082)"; fi
        a=$(rate 18081 "$ours"); b=$(rate 18082 "$theirs")
        awk -v a="$a" -v b="$b" -v s=$status -v r=$round 'BEGIN { printf "round %d, %s: topicwire %8.0f/s, nginx %8.0f/s, ratio %.2f\n", r, s, a, b, a / b }'
    done
done
