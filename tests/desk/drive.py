#!/usr/bin/env python3
"""Drives every action of the review desk by keyboard in headless Chromium: light and dark, phone and desktop.

    cargo build && tests/desk/drive.py [--shots FOLDER] [--axe axe.min.js]

Needs chromium and Python's own library. Fails on a console error, a request to anywhere else, an action whose effect is not in
overrides.toml and in the published feed, a page wider than its window, or a serious finding of axe-core, if that is given.
"""

import argparse, base64, http.server, json, os, pathlib, shutil, signal, socket, struct, subprocess, sys, tempfile, threading, time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOKEN = "6f1c7d0be2a94853b7a2f0c91d4e8a65"
TITLES = ["Alpha: a harbour opens", "Alpha and beta on one quay", "Alpha: the lamp is lit", "Beta: fog for a week", "Alpha: keepers meet", "Beta: nothing new"]


def feed():
    item = "<item><guid isPermaLink='false'>{n}</guid><title>{t}</title><link>https://news.example/{n}</link><pubDate>{n:02} Nov 2026 08:00:00 GMT</pubDate><description>{d}</description></item>"
    text = "Told at some length, so that a summary has lines to break: {t}, and what the keepers of the harbour said of it when they were asked. "
    items = "".join(item.format(n=n + 1, t=t, d=(text.format(t=t) * 2) + chr(97 + n) * 9) for n, t in enumerate(TITLES))
    return f"<rss version='2.0'><channel><title>News</title><link>https://news.example/</link>{items}</channel></rss>".encode()


class Publisher(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/rss+xml")
        self.end_headers()
        self.wfile.write(feed())

    def log_message(self, *_):
        pass


class Socket:
    """As much of RFC 6455 as DevTools needs."""

    def __init__(self, url):
        host, path = url.removeprefix("ws://").split("/", 1)
        name, port = host.split(":")
        self.s = socket.create_connection((name, int(port)))
        key = base64.b64encode(os.urandom(16)).decode()
        self.s.sendall(f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        self.f = self.s.makefile("rb")
        while self.f.readline().strip():
            pass

    def send(self, text):
        data, mask = text.encode(), os.urandom(4)
        size = struct.pack("!BH", 0xFE, len(data)) if len(data) < 65536 else struct.pack("!BQ", 0xFF, len(data))
        size = bytes([0x80 | len(data)]) if len(data) < 126 else size
        self.s.sendall(b"\x81" + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def receive(self):
        whole = b""
        while True:
            one, two = self.f.read(2)
            size = two & 0x7F
            if size > 125:
                size = int.from_bytes(self.f.read(2 if size == 126 else 8), "big")
            whole += self.f.read(size)
            if one & 0x80 and one & 0xF in (0, 1):
                return whole.decode()


class Page:
    def __init__(self, port):
        request = urllib.request.Request(f"http://127.0.0.1:{port}/json/new?about:blank", method="PUT")
        self.ws = Socket(json.load(urllib.request.urlopen(request))["webSocketDebuggerUrl"])
        self.n, self.errors, self.urls, self.loaded = 0, [], [], 0
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def take(self, message):
        method, p = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.errors.append(p["exceptionDetails"]["text"])
        elif method == "Runtime.consoleAPICalled" and p["type"] in ("error", "warning"):
            self.errors.append(str(p["args"]))
        elif method == "Log.entryAdded" and p["entry"]["level"] in ("error", "warning"):
            self.errors.append(p["entry"]["text"] + " " + p["entry"].get("url", ""))
        elif method == "Network.requestWillBeSent":
            self.urls.append(p["request"]["url"])
        elif method == "Page.loadEventFired":
            self.loaded += 1

    def call(self, method, **params):
        self.n += 1
        self.ws.send(json.dumps({"id": self.n, "method": method, "params": params}))
        while True:
            message = json.loads(self.ws.receive())
            if message.get("id") == self.n:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self.take(message)

    def run(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression[:80]}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait(self, before):
        while self.loaded <= before:
            self.take(json.loads(self.ws.receive()))

    def go(self, url):
        before = self.loaded
        self.call("Page.navigate", url=url)
        self.wait(before)

    def key(self, key, loads=False):
        before = self.loaded
        text = {"Enter": "\r", "Escape": None, "Tab": None}.get(key, key)
        codes = {"Enter": 13, "Escape": 27, "Tab": 9}
        base = {"key": key, "windowsVirtualKeyCode": codes.get(key, ord(key.upper()) if len(key) == 1 else 0)}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **base, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **base)
        if loads:
            self.wait(before)

    def type(self, text):
        for letter in text:
            self.key(letter)

    def note(self):
        return self.run("document.getElementById('note').textContent")

    def focus(self):
        return self.run("document.activeElement.closest('article')?.dataset.record ?? document.activeElement.tagName")

    def shot(self, path):
        metrics = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": metrics["width"], "height": min(metrics["height"], 2200), "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Site:
    """A configured folder with its service running."""

    def __init__(self, binary, publisher):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="topicwire-desk-"))
        self.desk, web = free_port(), free_port()
        (self.dir / "feeds.toml").write_text(
            f'[site]\ntitle = "Harbour wire"\nbase_url = "https://wire.example/"\n[fetch]\nallow = ["127.0.0.0/8"]\nports = [{publisher}]\nhost_gap = "0s"\n'
            f'[[source]]\nid = "news"\nurl = "http://127.0.0.1:{publisher}/feed"\n[desk]\nlisten = "127.0.0.1:{self.desk}"\n'
            '[[topic]]\ncategory = "Harbour: Alpha"\nany = ["alpha"]\n[[topic]]\ncategory = "Harbour: Beta"\nany = ["beta"]\n'
        )
        config = ["--config", str(self.dir / "feeds.toml")]
        subprocess.run([binary, "refresh", *config], check=True, stdout=subprocess.DEVNULL)
        environment = {**os.environ, "TOPICWIRE_DESK_TOKEN": TOKEN}
        log = open(self.dir / "log", "w")
        self.service = subprocess.Popen([binary, "serve", "--listen", f"127.0.0.1:{web}", *config], env=environment, stdout=log, stderr=log)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.desk)).close()
                break
            except OSError:
                time.sleep(0.05)

    def overrides(self):
        path = self.dir / "overrides.toml"
        return path.read_text() if path.exists() else ""

    def atom(self, topic):
        return (self.dir / "output/topic" / topic / "feed.atom").read_text()

    def close(self):
        self.service.send_signal(signal.SIGTERM)
        self.service.wait()
        shutil.rmtree(self.dir)


class Failed(Exception):
    pass


def check(is_so, what):
    if not is_so:
        raise Failed(what)


def audit(page, axe, name):
    check(page.run("document.documentElement.scrollWidth <= window.innerWidth"), f"{name}: wider than its window")
    if not axe:
        return 0
    page.run(axe)
    found = json.loads(page.run("axe.run(document).then(r => JSON.stringify(r.violations.map(v => [v.impact, v.id, v.nodes.map(n => n.html.slice(0, 120)).slice(0, 3)])))"))
    check(not [v for v in found if v[0] in ("serious", "critical")], f"{name}: {found}")
    return len(found)


def drive(page, site, shots, axe, scheme, size, name):
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    page.call("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=size[0] < 600)
    found, actions = 0, 0
    base = f"http://127.0.0.1:{site.desk}/"
    page.call("Network.clearBrowserCookies")
    page.go(base)
    page.errors = [e for e in page.errors if "401" not in e]
    found += audit(page, axe, f"{name} login")
    shots and page.shot(f"{shots}/{name}-login.png")
    page.type(TOKEN)
    page.key("Enter", loads=True)
    check(page.run("document.querySelectorAll('article').length") == len(TITLES), "six records")

    def act(keys, note, in_overrides, last_loads=True):
        nonlocal actions
        for n, key in enumerate(keys):
            page.key(key, loads=last_loads and n == len(keys) - 1)
        check(note in page.note(), f"{name}: after {keys}: {page.note()!r}, not {note!r}")
        check(in_overrides in site.overrides(), f"{name}: after {keys}: {in_overrides!r} not in\n{site.overrides()}")
        actions += 1

    page.key("j")
    check(page.focus() == "6", "j: the first record")
    page.key("j")
    page.key("k")
    check(page.focus() == "6", "k: back")
    act(["t", *"Alpha", "Enter"], "Put under Harbour: Alpha", 'add = ["Harbour: Alpha"]')
    check("Beta: nothing new" in site.atom("harbour-alpha"), "the feed has it at once")
    check(page.focus() == "6", "the focus stays where it was")
    act(["1"], "Taken from Harbour: Alpha", 'remove = ["Harbour: Alpha"]')
    act(["p"], "Pinned", "pin = true")
    act(["p"], "Not pinned", "")
    act(["r", *" again", "Enter"], "Retitled", 'title = "')
    act(["h"], "Hidden", "hide = true")
    check("nothing new" not in site.atom("harbour-beta"), "gone from the feed at once")
    act(["h"], "Shown again", "")
    page.key("j")
    page.key("w")
    check(page.run("document.activeElement.querySelectorAll('.topics details[open]').length") > 0, "w: reasons open")
    page.key("x")
    page.key("x")
    act(["m"], "Marked. Press m", "", last_loads=False)
    page.key("j")
    shots and page.shot(f"{shots}/{name}-marked.png")
    act(["m"], "2 records are one story", "join = [")
    found += audit(page, axe, f"{name} records")
    shots and page.shot(f"{shots}/{name}-records.png")
    page.key("j") if page.focus() == "BODY" else None
    act(["s"], "Stands alone", "split = [")
    act(["t", *"nonsense", "Enter"], "no topic named", "")
    check(page.run("document.getElementById('note').getAttribute('role')") == "alert", "a failure is an alert")
    page.key("?")
    check(page.run("document.getElementById('help').open"), "?: help")
    shots and page.shot(f"{shots}/{name}-help.png")
    page.key("?")
    # Tab reaches the links and the forms in their order.
    page.run("document.activeElement.blur(), window.scrollTo(0, 0)")
    page.go(base)
    seen = []
    for _ in range(7):
        page.key("Tab")
        seen.append(page.run("document.activeElement.textContent.trim().slice(0, 12) || document.activeElement.tagName"))
    check(seen[:3] == ["Records", "Rules", "Close"], f"focus order: {seen}")
    page.go(base + "rules")
    page.run("document.getElementById('rules').focus()")
    page.call("Input.insertText", text='[[topic]]\ncategory = "Harbour: Beta"\nany = ["alpha"]\n')
    page.key("Tab")
    page.key("Enter", loads=True)
    check("would be filed otherwise" in page.run("document.body.textContent"), "rules are tried")
    found += audit(page, axe, f"{name} rules")
    shots and page.shot(f"{shots}/{name}-rules.png")
    check(not page.errors, f"{name}: console: {page.errors}")
    strange = [u for u in page.urls if not u.startswith((base, "data:", "about:"))]
    check(not strange, f"{name}: asked for {strange}")
    return actions, found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=ROOT / "target/debug/topicwire")
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("chromium-browser"))
    parser.add_argument("--shots", help="folder for screenshots")
    parser.add_argument("--axe", help="axe.min.js")
    options = parser.parse_args()
    if not options.chromium:
        print("skipped: no chromium")
        return 0
    if options.shots:
        os.makedirs(options.shots, exist_ok=True)
    axe = pathlib.Path(options.axe).read_text() + ";0" if options.axe else None
    publisher = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Publisher)
    threading.Thread(target=publisher.serve_forever, daemon=True).start()
    profile = tempfile.mkdtemp(prefix="topicwire-chromium-")
    browser = subprocess.Popen(
        [options.chromium, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        port = pathlib.Path(profile) / "DevToolsActivePort"
        for _ in range(300):
            if port.exists() and port.read_text().count("\n"):
                break
            time.sleep(0.1)
        page = Page(int(port.read_text().split("\n")[0]))
        for scheme in ("light", "dark"):
            for name, size in (("phone", (390, 844)), ("desktop", (1280, 900))):
                site = Site(str(options.binary), publisher.server_port)
                page.urls, page.errors = [], []
                try:
                    actions, found = drive(page, site, options.shots, axe, scheme, size, f"{name}-{scheme}")
                finally:
                    site.close()
                said = f", axe-core: nothing serious, {found} smaller" if axe else ""
                print(f"{name} {scheme}: {actions} actions by keyboard, no console error, nothing foreign asked for{said}")
    except Failed as failed:
        print(f"failed: {failed}")
        return 1
    finally:
        browser.terminate()
        browser.wait()
        publisher.shutdown()
        shutil.rmtree(profile, ignore_errors=True)
    return 0


sys.exit(main())
