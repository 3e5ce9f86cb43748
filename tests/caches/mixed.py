#!/usr/bin/env python3
"""Readers of all codings behind shared caches (O17): through nginx and through Varnish, while the feed changes.

    cargo build && tests/caches/mixed.py [--polls 10000] [--binary target/debug/topicwire]

Needs nginx, varnishd, and Python's own library. Each poll takes another coding at random and sends back the validator of what it has in
it, or of what it has in another. Fails when a body is not what its validator says, when a coding comes that was not asked for, or when
a 304 stands for something that the reader has not.
"""

import argparse, gzip, http.client, os, pathlib, random, shutil, socket, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FEED = "news/cached.atom"
NGINX = """
worker_processes 1; daemon off; pid {dir}/nginx.pid; error_log {dir}/nginx.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {dir}/t; proxy_temp_path {dir}/t; fastcgi_temp_path {dir}/t; uwsgi_temp_path {dir}/t; scgi_temp_path {dir}/t;
    proxy_cache_path {dir}/nginx-cache keys_zone=feeds:1m;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://127.0.0.1:{behind}; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_cache feeds; proxy_cache_revalidate on; }}
    }}
}}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing listens on {port}")


def version(n):
    entries = "".join(f"<entry><id>urn:{n}:{k}</id><title>Entry {k} of version {n}</title></entry>\n" for k in range(200))
    return f"<?xml version='1.0'?>\n<feed xmlns='http://www.w3.org/2005/Atom' n='{n}'>\n{entries}</feed>\n".encode()


def put(path, n):
    new = path.with_name(".new")
    new.write_bytes(version(n))
    new.rename(path)


def poll(port, coding, tag):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Accept-Encoding": coding, **({"If-None-Match": tag} if tag else {})}
    connection.request("GET", f"/{FEED}", headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, response.headers, body


def base(etag):
    """The version that a validator is of."""
    return etag.removeprefix("W/").strip('"').removesuffix("-gzip").removesuffix("-br").removesuffix("-zstd")


def told(etag, coding):
    """What a validator says: of which bytes, strictly; of which version, where a cache that codes itself has weakened it."""
    if not etag.startswith("W/"):
        return etag, coding
    return base(etag), "any"


def check(polls, name, port, path, known):
    random.seed(17)
    held, n, same = {}, 0, 0
    for turn in range(polls):
        if turn % (polls // 10) == 0:
            n += 1
            put(path, n)
            known[n] = version(n)
        coding = random.choice(["identity", "gzip", "identity", "gzip", "br", "zstd", "gzip, br"])
        mine = random.choice([coding, "identity", "gzip"])
        tag = held.get(mine, (None, None))[0] if random.random() < 0.7 else None
        status, headers, body = poll(port, coding, tag)
        etag = headers["ETag"]
        if status == 304:
            same += 1
            if etag is not None and base(etag) != base(tag):
                raise SystemExit(f"{name}: 304 for {etag}, but the reader has {tag}")
            continue
        got = headers.get("Content-Encoding", "identity")
        if status != 200 or (got != "identity" and got not in coding):
            raise SystemExit(f"{name}: {status}, {got} for {coding}")
        if got in ("identity", "gzip"):
            plain = gzip.decompress(body) if got == "gzip" else body
            which = [k for k, v in known.items() if v == plain]
            if not which:
                raise SystemExit(f"{name}: a body that was never published")
            says, of = told(etag, got)
            first = tags.setdefault((which[0], of), says)
            if first != says or tags.setdefault((which[0], "version"), base(etag)) != base(etag):
                raise SystemExit(f"{name}: version {which[0]} in {got} has the validators {first} and {etag}")
        elif tags.setdefault((body, got), etag) != etag:
            raise SystemExit(f"{name}: one body in {got} has two validators")
        held[got] = (etag, body)
    print(f"{name}: {polls} polls in mixed codings, {same} times 304, {n} versions: no mismatch")


tags = {}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=ROOT / "target/debug/topicwire")
    parser.add_argument("--polls", type=int, default=10_000)
    options = parser.parse_args()
    dir = pathlib.Path(tempfile.mkdtemp(prefix="topicwire-caches-"))
    os.chmod(dir, 0o755)
    own, nginx, varnish = free_port(), free_port(), free_port()
    path = dir / "output" / FEED
    path.parent.mkdir(parents=True)
    put(path, 0)
    known = {0: version(0)}
    (dir / "feeds.toml").write_text(
        f'[site]\ntitle = "T"\nbase_url = "http://127.0.0.1:{own}/"\nlisten = "127.0.0.1:{own}"\n'
        '[hugo]\nread_back = false\n[[source]]\nid = "none"\nurl = "https://none.invalid/"\nschedule = "1d"\n'
    )
    (dir / "nginx.conf").write_text(NGINX.format(dir=dir, port=nginx, behind=own))
    running = []
    try:
        for command in (
            [str(options.binary), "--config", str(dir / "feeds.toml"), "serve"],
            ["nginx", "-p", str(dir), "-c", str(dir / "nginx.conf")],
            ["varnishd", "-F", "-n", str(dir / "varnish"), "-a", f"127.0.0.1:{varnish}", "-b", f"127.0.0.1:{own}", "-t", "1"],
        ):
            if not shutil.which(command[0]):
                print(f"skipped: no {command[0]}")
                continue
            running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        for name, port in (("straight", own), ("nginx", nginx), ("Varnish", varnish)):
            wait_for(port)
            check(options.polls, name, port, path, known)
    finally:
        for process in running:
            process.terminate()
            process.wait()
        shutil.rmtree(dir, ignore_errors=True)


sys.exit(main())
