#!/usr/bin/env python3
"""million.py ENTRIES ROUNDS: what ../million.sh runs. See there."""
import datetime, http.client, math, os, pathlib, shutil, signal, statistics, subprocess, sys, time, urllib.request

HERE = pathlib.Path(__file__).resolve().parent
TOPICWIRE = os.environ["TOPICWIRE"]
# Ports of its own, so that a comparison may run beside it.
PORT, LISTEN = 9100, 18190
FEEDS, PER_ERA = 1000, 30_028
# As in feedlab.
NOW, ERA_SECONDS = 1_795_132_800, 60 * 86_400
HOUR = 3600


def control(path):
    return urllib.request.urlopen(f"http://127.0.0.1:{PORT}/_/{path}").read().decode().strip()


def timed(site, now, *command):
    """Wall and processor seconds and peak MB of one command on a site, at a time that it is told."""
    now = datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with open(site / "log", "ab") as log:
        began = time.monotonic()
        child = subprocess.Popen([TOPICWIRE, "--config", site / "feeds.toml", "--now", now, *command], cwd=site, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{command} failed: see {site}/log")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def site_in(folder, urls):
    folder.mkdir(parents=True, exist_ok=True)
    config = subprocess.check_output([sys.executable, HERE / "topicwire-config.py", urls], text=True)
    config = config.replace("ports = [9000]", f"ports = [{PORT}]").replace("127.0.0.1:8080/\"\n", f'127.0.0.1:{LISTEN}/"\nlisten = "127.0.0.1:{LISTEN}"\n', 1)
    (folder / "feeds.toml").write_text(config)
    return folder


def grow(site, eras, first_now):
    """One refresh an era, from the one after the last that is in the store."""
    done = site / "eras"
    have = int(done.read_text()) if done.exists() else 0
    if not have:
        # A first refresh that was cut short would be another store.
        for left in site.iterdir():
            if left.name != "feeds.toml":
                shutil.rmtree(left) if left.is_dir() else left.unlink()
    for era in eras[have:]:
        control(f"era?n={era}")
        wall, cpu, peak = timed(site, first_now + era * ERA_SECONDS, "refresh")
        have += 1
        done.write_text(str(have))
        print(f"  {site.name}: about {have * PER_ERA} entries; refresh {wall:.1f} s, processor {cpu:.1f} s, peak {peak:.0f} MB", flush=True)


def size(site):
    # Not in this process: a child's peak cannot read below its forker's, and a million names are 100 MB.
    count = r"""find output -type f -printf '%b\n' | awk '{ n++; blocks += $1 } END { print n " files on " int(blocks * 512 / 1e6) " MB" }'"""
    output = subprocess.check_output(count, shell=True, text=True, cwd=site).strip()
    return f"store {sum(f.stat().st_size for f in site.glob('*.db*')) / 1e6:.0f} MB, output {output}"


def first_served(site, path):
    """Milliseconds from the start of `serve` to the first 200."""
    with open(site / "log", "ab") as log:
        began = time.monotonic()
        child = subprocess.Popen([TOPICWIRE, "--config", site / "feeds.toml", "serve"], cwd=site, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            while time.monotonic() - began < 120:
                try:
                    connection = http.client.HTTPConnection("127.0.0.1", LISTEN, timeout=30)
                    connection.request("GET", path)
                    answer = connection.getresponse()
                    length = len(answer.read())
                    if answer.status == 200:
                        return (time.monotonic() - began) * 1000, length
                except OSError:
                    pass
                time.sleep(0.001)
                if child.poll() is not None:
                    sys.exit(f"serve ended: see {site}/log")
            sys.exit("nothing was served in two minutes")
        finally:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(60)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def main():
    entries, rounds = int(sys.argv[1]), int(sys.argv[2])
    eras = max(1, math.ceil(entries / PER_ERA - 0.01))
    # The last era ends where the corpus does otherwise.
    first_now = NOW - (eras - 1) * ERA_SECONDS
    root = pathlib.Path(os.environ["STATE_ROOT"]) / "million" / str(eras)
    root.mkdir(parents=True, exist_ok=True)
    urls = root / "urls.txt"
    urls.write_bytes(subprocess.check_output([HERE / "feedlab/target/release/feed-gen", "urls", "-n", str(FEEDS), "--port", str(PORT)]))
    origin = subprocess.Popen([HERE / "feedlab/target/release/feed-origin", "-n", str(FEEDS), "--port", str(PORT), "--now", str(first_now)], stderr=subprocess.PIPE, text=True)
    try:
        for line in origin.stderr:
            if line.startswith("ready"):
                break
        large, small = site_in(root / "large", urls), site_in(root / "small", urls)
        measured = root / "rounds"
        grow(large, list(range(eras)), first_now)
        grow(small, [eras - 1], first_now)
        print(f"large: {size(large)}\nsmall: {size(small)}")
        # Changes that both have from an earlier run are skipped, so that each round brings something new to both.
        before = int(measured.read_text()) if measured.exists() else 0
        control(f"era?n={eras - 1}")
        for _ in range(before):
            control("advance?permille=50")
        now = first_now + (eras - 1) * ERA_SECONDS + before * HOUR
        rows = {large: [], small: []}
        for site in rows:
            timed(site, now, "refresh")
        for round_ in range(rounds):
            changed = control("advance?permille=50")
            now += HOUR
            measured.write_text(str(before + round_ + 1))
            for site in (large, small) if round_ % 2 else (small, large):
                rows[site].append(timed(site, now, "refresh"))
            print(f"  round {round_ + 1}, {changed} of {FEEDS} feeds changed: " + ", ".join(f"{site.name} {rows[site][-1][0]:.2f} s (processor {rows[site][-1][1]:.2f} s)" for site in rows), flush=True)
        medians = {site: [statistics.median(column) for column in zip(*rows[site])] for site in rows}
        for what, n, unit in (("time", 0, "s"), ("processor", 1, "s"), ("peak memory", 2, "MB")):
            of_large, of_small = medians[large][n], medians[small][n]
            print(f"5 % changed, {what}: large {of_large:.2f} {unit}, small {of_small:.2f} {unit}, ratio {of_large / of_small:.2f}" + (" (bar 1.3)" if n < 2 else ""))
        topics = sorted((large / "output/topic").glob("*/feed.atom"))
        path = "/" + str(topics[0].relative_to(large / "output"))
        starts = [first_served(large, path) for _ in range(rounds)]
        milliseconds = sorted(ms for ms, _ in starts)
        print(f"serve, start to {path} ({starts[-1][1]} bytes): median {statistics.median(milliseconds):.0f} ms, worst {milliseconds[-1]:.0f} ms of {rounds} (bar 300 ms)")
    finally:
        origin.terminate()
        origin.wait()


main()
