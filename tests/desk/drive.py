#!/usr/bin/env python3
"""Drives the site (index, topic, article, about, a feed as it opens in a browser, status) and every action of the review desk by
keyboard in headless Chromium: light and dark, phone and desktop.

    cargo build && tests/desk/drive.py [--shots FOLDER] [--axe axe.min.js]

Needs chromium and Python's own library. Fails on a console error, a request to anywhere else, an action whose effect is not in
overrides.toml and in the published feed, a page wider than its window, a topic page of 60 KB, or a serious finding of axe-core, if
that is given.
"""

import argparse, base64, http.server, json, os, pathlib, shutil, signal, socket, struct, subprocess, sys, tempfile, threading, time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOKEN = "6f1c7d0be2a94853b7a2f0c91d4e8a65"
TITLES = ["Alpha: a harbour opens", "Alpha and beta on one quay", "Alpha: the lamp is lit", "Beta: fog for a week", "Alpha: keepers meet", "Beta: nothing new"]


def feed(port):
    item = "<item><guid isPermaLink='false'>{n}</guid><title>{t}</title><link>http://127.0.0.1:{port}/{n}</link><pubDate>{n:02} Nov 2026 08:00:00 GMT</pubDate><description>{d}</description></item>"
    # Long enough that a summary has lines to break, in words of each one's own, so that no two are one story.
    word = lambda n, k: "".join(chr(97 + (n * 7 + k * 5 + j * (k % 9 + n + 1)) % 26) for j in range(3 + (k * 3 + n) % 7))
    words = lambda n: " ".join(word(n, k) for k in range(50)).capitalize() + "."
    items = "".join(item.format(port=port, n=n + 1, t=t, d=words(n)) for n, t in enumerate(TITLES))
    return f"<rss version='2.0'><channel><title>News</title><link>https://news.example/</link>{items}</channel></rss>".encode()


def listing(name):
    stories = "".join(f"<li class='{name}'><h2><a href='/pier/{n}'>Beta comes to pier {n}</a></h2><time datetime='2026-11-{n:02}'>x</time></li>" for n in range(2, 12))
    return f"<!doctype html><html lang='en'><head><title>Pier</title></head><body><ul>{stories}</ul></body></html>".encode()


class Publisher(http.server.BaseHTTPRequestHandler):
    # The pier's page, which is built anew when that is set.
    anew = False

    def do_GET(self):
        kind, body = "text/html; charset=utf-8", b"<!doctype html><html lang='en'><title>An article</title><h1>An article</h1>"
        if self.path == "/feed":
            kind, body = "application/rss+xml", feed(self.server.server_port)
        elif self.path == "/pier":
            body = listing("teaser" if Publisher.anew else "story")
        self.send_response(200 if self.path != "/robots.txt" else 404)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)

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

    def __init__(self, binary, publisher, has_pier=False):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="topicwire-desk-"))
        self.desk, self.web = free_port(), free_port()
        Publisher.anew = False
        (self.dir / "feeds.toml").write_text(
            f'[site]\ntitle = "Harbour wire"\nbase_url = "https://wire.example/"\n[fetch]\nallow = ["127.0.0.0/8"]\nports = [{publisher}]\nhost_gap = "0s"\n'
            f'[defaults]\nenrich = "never"\n[[source]]\nid = "news"\nurl = "http://127.0.0.1:{publisher}/feed"\n'
            + (
                f'[[source]]\nid = "pier"\nurl = "http://127.0.0.1:{publisher}/pier"\nkind = "page"\n'
                'selectors = { item = "li.story", title = "h2", link = "a", date = "time" }\n'
                if has_pier
                else ""
            )
            + f'[desk]\nlisten = "127.0.0.1:{self.desk}"\n'
            '[[topic]]\ncategory = "Harbour: Alpha"\nany = ["alpha"]\n[[topic]]\ncategory = "Harbour: Beta"\nany = ["beta"]\n'
        )
        config = ["--config", str(self.dir / "feeds.toml")]
        subprocess.run([binary, "refresh", *config], check=True, stdout=subprocess.DEVNULL)
        if has_pier:
            Publisher.anew = True
            degraded = subprocess.run([binary, "refresh", "pier", *config], stdout=subprocess.DEVNULL).returncode
            check(degraded == 3, "the pier's page is another than it was")
        environment = {**os.environ, "TOPICWIRE_DESK_TOKEN": TOKEN}
        log = open(self.dir / "log", "w")
        self.service = subprocess.Popen([binary, "serve", "--listen", f"127.0.0.1:{self.web}", *config], env=environment, stdout=log, stderr=log)
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
    set_up(page, scheme, size)
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
    check(seen[:4] == ["Records", "Sources", "Rules", "Close"], f"focus order: {seen}")
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


def set_up(page, scheme, size):
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    page.call("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=size[0] < 600)
    page.urls, page.errors = [], []


def tab_to(page, selector):
    """Goes on by Tab until what has the focus is this."""
    for _ in range(80):
        page.key("Tab")
        if page.run(f"document.activeElement.matches({json.dumps(selector)})"):
            return
    raise Failed(f"Tab does not reach {selector}")


def browse(page, site, publisher, shots, axe, scheme, size, name):
    """From the first page to an article by keyboard, and every other kind of page."""
    set_up(page, scheme, size)
    base, found, pages = f"http://127.0.0.1:{site.web}/", 0, 0

    def look(what):
        nonlocal found, pages
        found += audit(page, axe, f"{name} {what}")
        shots and page.shot(f"{shots}/{name}-{what}.png")
        pages += 1

    page.go(base)
    look("index")
    tab_to(page, ".directory li > a")
    page.key("Enter", loads=True)
    check(page.run("location.pathname").startswith("/topic/harbour-"), "Enter leads to a topic")
    check(page.run("document.querySelectorAll('main article').length") > 1, "a topic has articles")
    look("topic")
    size_bytes = len(urllib.request.urlopen(page.run("location.href")).read())
    check(size_bytes < 60_000, f"a topic page of {size_bytes} bytes")
    tab_to(page, "article h3 a")
    page.key("Enter", loads=True)
    check(page.run("location.origin") == f"http://127.0.0.1:{publisher}", "Enter leads to the article at its publisher")
    for path, what in (("about.html", "about"), ("source/news/index.html", "source"), ("status", "status")):
        page.go(base + path)
        look(what)
    for form in ("atom", "rss"):
        page.go(base + f"topic/harbour-alpha/feed.{form}")
        shown = page.run("[...document.querySelectorAll('title')].filter(e => e.getClientRects().length && e.getBoundingClientRect().height > 0).length")
        check(shown > 1, f"{form}: a feed shows as a page ({shown} titles)")
        check(page.run("getComputedStyle(document.documentElement).fontFamily").find("serif") >= 0, f"{form}: without its stylesheet")
        shots and page.shot(f"{shots}/{name}-{form}.png")
        pages += 1
    check(not page.errors, f"{name}: console: {page.errors}")
    strange = [u for u in page.urls if not u.startswith((base, f"http://127.0.0.1:{publisher}/", "data:", "about:"))]
    check(not strange, f"{name}: asked for {strange}")
    return pages, found


def repair(page, site, shots, axe, scheme, size, name):
    """A degraded source's repair, approved and taken back by keyboard."""
    set_up(page, scheme, size)
    base = f"http://127.0.0.1:{site.desk}/"
    page.call("Network.clearBrowserCookies")
    page.go(base)
    page.type(TOKEN)
    page.key("Enter", loads=True)
    page.errors = [e for e in page.errors if "401" not in e]
    check("has become another than it was" in page.run("document.body.textContent"), "the desk tells of it")
    tab_to(page, ".site nav a[href='/sources']")
    page.key("Enter", loads=True)
    found = audit(page, axe, f"{name} sources")
    page.key("j")
    check(page.focus() == "pier", "j: what needs somebody comes first")
    shots and page.shot(f"{shots}/{name}-sources.png")
    page.key("u", loads=True)
    check("is read with this from now on" in page.note(), f"u: {page.note()}")
    check('id = "pier"\nkind = "page"' in site.overrides(), site.overrides())
    check(page.focus() == "pier", "the focus stays where it was")
    for _ in range(200):
        page.go(base + "sources")
        if "well" in page.run("document.getElementById('s-pier').querySelector('strong').textContent"):
            break
        time.sleep(0.05)
    else:
        raise Failed("u: the source is not well")
    check("to pier 11" in site.atom("harbour-beta"), "u: its news is in the feed")
    shots and page.shot(f"{shots}/{name}-mended.png")
    page.key("j")
    while page.focus() != "pier":
        page.key("j")
    page.key("b", loads=True)
    check("as feeds.toml says again" in page.note() and "[[source]]" not in site.overrides(), f"b: {page.note()}")
    page.key("n", loads=True)
    check("is polled now" in page.note(), f"n: {page.note()}")
    page.key("?")
    check(page.run("document.getElementById('help').open"), "?: help")
    check(not page.errors, f"{name}: console: {page.errors}")
    return 3, found


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
                full, port = f"{name}-{scheme}", publisher.server_port
                site = Site(str(options.binary), port)
                try:
                    pages, found = browse(page, site, port, options.shots, axe, scheme, size, full)
                    actions, more = drive(page, site, options.shots, axe, scheme, size, full)
                finally:
                    site.close()
                site = Site(str(options.binary), port, has_pier=True)
                try:
                    others, most = repair(page, site, options.shots, axe, scheme, size, full)
                finally:
                    site.close()
                found += more + most
                said = f", axe-core: nothing serious, {found} smaller" if axe else ""
                print(f"{name} {scheme}: {pages} pages, {actions + others} actions by keyboard, no console error, nothing foreign asked for{said}")
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
