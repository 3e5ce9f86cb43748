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
nginx -p "$work" -c "$work/nginx.conf" & nginx=$!; pids="$pids $nginx"
"$program" --config "$work/feeds.toml" serve > "$work/logs/serve" 2>&1 & own=$!; pids="$pids $own"
feed=news/bench.atom
for port in 18081 18082; do
    n=0
    until curl -sf -o /dev/null "http://127.0.0.1:$port/$feed"; do n=$((n + 1)); [ $n -lt 50 ] || { cat "$work"/logs/*; exit 1; }; sleep 0.1; done
done

tag() { curl -sI "http://127.0.0.1:$1/$feed" | tr -d '\r' | sed -n 's/^[Ee][Tt]ag: //p'; }
# Processor time of a process and its children so far, in hundredths of a second: it counts even where other work takes the machine.
cpu() { cat "/proc/$1/stat" $(pgrep -P "$1" | sed 's|.*|/proc/&/stat|') 2>/dev/null | awk '{ sum += $14 + $15 } END { print sum + 0 }'; }
# Port, process, header: requests a second, and processor microseconds of the server for each
rate() {
    before=$(cpu "$2")
    wrk -t "$cores" -c $((2 * cores)) -d "${seconds}s" -H "$3" "http://127.0.0.1:$1/$feed" > "$work/logs/wrk"
    after=$(cpu "$2")
    awk -v ticks=$((after - before)) '/requests in/ { n = $1 } /^Requests\/sec/ { r = $2 } /Non-2xx or 3xx|Socket errors/ { bad = 1 }
        END { if (bad) r = "ERRORS"; print r, (n ? ticks * 10000 / n : 0) }' "$work/logs/wrk"
}

echo "$(wc -c < "$work/output/$feed") bytes, $cores cores, $((2 * cores)) connections, ${seconds}s each"
for round in 1 2 3; do
    for status in 200 304; do
        if [ $status = 200 ]; then ours="X-None: 1"; theirs=$ours; else ours="If-None-Match: $(tag 18081)"; theirs="If-None-Match: $(tag 18082)"; fi
        set -- $(rate 18081 "$own" "$ours") $(rate 18082 "$nginx" "$theirs")
        awk -v a="$1" -v ca="$2" -v b="$3" -v cb="$4" -v s=$status -v r=$round 'BEGIN {
            printf "round %d, %s: topicwire %7.0f/s (%4.1f us of processor each), nginx %7.0f/s (%4.1f us), ratio %.2f\n", r, s, a, ca, b, cb, a / b }'
    done
done
