# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""The page in a real browser: what it shows is what the API tells, at once, as text and to nobody else."""
import contextlib
import http.client
import json
import os

from browser import Browser
from test_callers import call, serve
from testbed import BUILD, PATIENCE, PORT, Testbed, need_program, wait_until

HOSTILE = "<img src=x onerror=document.title='owned'>"
NAME_OF_PROCESS = "<img src=y>"
TOKEN = "0123456789abcdef"

NODES = "return [...document.querySelectorAll('[data-node]')].map(node => node.dataset.node).join('\\n')"

# Of each row of a table its cells' texts, by the columns' names.
ROWS = """
const rows = {};
for (const row of document.querySelectorAll(`table[data-table=${arguments[0]}] tbody tr`))
  rows[row.dataset.row] = Object.fromEntries([...row.cells].map(cell => [cell.dataset.cell, cell.innerText.trim()]));
return rows;"""


# Of each round that is shown: the registry's revision in it, and what stands in a cell of the services.
WATCH = """
const [row, column] = arguments;
const look = () => window.watched.push([Number(document.querySelector('main').dataset.revision),
  document.querySelector(`tr[data-row='${row}'] td[data-cell=${column}]`)?.innerText.trim()]);
window.watched = [];
new MutationObserver(look).observe(document.querySelector('main'), { attributes: true, attributeFilter: ['data-rounds'] });"""


def write_token(bed):
    path = os.path.join(bed.base, "token")
    with open(path, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(TOKEN + "\n")
    return path


@contextlib.contextmanager
def page(**config):
    """A daemon that serves the page, and a browser that shows it. With `webTokenFile`, only by a token."""
    need_program("chromium")
    need_program("chromedriver")
    with Testbed(start=False) as bed, Browser(patience=PATIENCE) as browser:
        bed.web_address = bed.address(9466)
        bed.page = f"http://{bed.web_address}/"
        bed.config.update({"webListen": bed.web_address, **config})
        if "webTokenFile" in config:
            bed.config["webTokenFile"] = write_token(bed)
            bed.page = f"http://anybody:{TOKEN}@{bed.web_address}/"
        bed.start()
        yield bed, browser


def open_view(bed, browser, view="services"):
    browser.go(f"{bed.page}#/{view}")
    wait_until(lambda: browser.run("return Number(document.querySelector('main')?.dataset.rounds ?? 0)") > 0, 20, "a round is shown")


def go(browser, view):
    """Without loading the page anew."""
    browser.run("location.hash = arguments[0]", f"#/{view}")
    wait_until(lambda: browser.run("return document.querySelector('main').dataset.view") == view.split("/")[0], 5, f"view {view}")


def rows(browser, table):
    return browser.run(ROWS, table)


def keep_picture(browser, name):
    directory = os.path.join(BUILD, "tests", "pictures")
    os.makedirs(directory, exist_ok=True)
    browser.picture(os.path.join(directory, f"page-{name}.png"), 1360, 900)


def ask(bed, method="GET", path="/", host=None, **headers):
    """(status, headers, body), of an answer that ends."""
    connection = http.client.HTTPConnection(bed.web_address, timeout=30 * PATIENCE)
    try:
        connection.putrequest(method, path, skip_host=host is not None)
        for name, value in ({"Host": host} if host else {}).items():
            connection.putheader(name, value)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        connection.close()


def one_round(bed, query=""):
    """What the stream tells in its first round: {event: [data]}."""
    connection = http.client.HTTPConnection(bed.web_address, timeout=30 * PATIENCE)
    told, event = {}, None
    try:
        connection.request("GET", f"/live{query}")
        for line in connection.getresponse():
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "event":
                event = value
            elif name == "data":
                told.setdefault(event, []).append(json.loads(value))
                if event == "round":
                    return told
    finally:
        connection.close()


def expect_services(bed, browser):
    """The table is what the API's lists come to."""
    endpoints = bed.get("/v1/endpoints")["endpoints"]
    shares = {(item["dnsName"], target["service"]): target["wantedPercent"] for item in bed.get("/v1/aliases")["aliases"]
              for target in item["targets"]}
    shown = rows(browser, "services")
    names = [item["name"] for item in bed.get("/v1/services")["services"]]
    assert sorted(shown) == sorted(f"default/{name}" for name in names), shown
    for name in names:
        own = [item for item in endpoints if item["service"] == name]
        drawn = [item for item in own if item["drawn"]]
        cells = shown[f"default/{name}"]
        assert cells["service"] == name, cells
        assert cells["drawn"] == f"{len(drawn)} / {len(own)}", (cells, own)
        assert cells["state"] == ("DOWN" if not drawn else "PARTLY" if len(drawn) < len(own) else "OK"), cells
        alias = cells["alias"].split(":")[0]
        assert cells["wanted"] == f"{shares[alias, name]:.1f}", (cells, shares)
        left_out = [item["reason"] for item in own if not item["drawn"]]
        assert cells["reason"] == (left_out[0] if left_out else ""), (cells, left_out)
    return shown


def expect_endpoints(bed, browser, service):
    shown = rows(browser, "endpoints")
    own = [item for item in bed.get("/v1/endpoints")["endpoints"] if item["service"] == service]
    assert len(shown) == len(own), (shown, own)
    sum_of_weights = sum(item["weight"] for item in own)
    for item in own:
        cells = shown[f"default/{service}/{item['id']}/{item['address']}"]
        wanted = {"id": item["id"], "address": f"{item['address']}:{item['port']}", "weight": str(item["weight"]), "open": str(item["open"]),
                  "state": "EJECTED" if item["ejected"] else item["health"], "reason": item["reason"],
                  "wanted": f"{100 * item['weight'] / sum_of_weights:.1f}"}
        assert {name: cells[name] for name in wanted} == wanted, (cells, item)


def test_it_shows_what_the_api_tells():
    with page() as (bed, browser):
        bed.service("web-v1", (1, 3))
        bed.service("web-v2", (1,))
        bed.service("down")
        bed.route("web", {"web-v1": 90, "web-v2": 10})
        bed.update("web-v1", "1", health="UNHEALTHY")
        bed.update("down", "0", weight=0)
        task = bed.task(service="caller")
        open_view(bed, browser)
        shown = expect_services(bed, browser)
        assert (shown["default/web-v2"]["alias"], shown["default/web-v2"]["wanted"]) == ("web:80", "10.0"), shown

        # Connects, and what the stream counts of them.
        agent = task.agent()
        address = bed.address_of("web")
        for _ in range(30):
            agent.ask(address, 80)
        agent.end()
        counted = wait_until(lambda: (told := one_round(bed)) and sum(item["counted"]["established"] for item in told["service"]) == 30 and told,
                             10, "thirty connects are counted")
        api = {}
        for item in bed.get("/v1/endpoints")["endpoints"]:
            api[item["service"]] = api.get(item["service"], 0) + item["connections"]
        assert {item["name"]: item["counted"]["connections"] for item in counted["service"]} == api
        got = wait_until(lambda: (cells := rows(browser, "services"))["default/web-v1"]["connections"] not in ("0", "–") and cells, 10, "connects are shown")
        assert abs(float(got["default/web-v1"]["got"]) + float(got["default/web-v2"]["got"]) - 100) < 0.11, got

        # A change is on the screen soon.
        browser.run(WATCH, "default/web-v2", "wanted")
        bed.cli_ok("route", "set", "web:80", "web-v1=60", "web-v2=40")
        revision = bed.get("/v1/services")["revision"]
        wait_until(lambda: rows(browser, "services")["default/web-v2"]["wanted"] == "40.0", 10, "the new share is shown")
        # With the first round that knows of the change, or where it came in the middle of one with the next; they are a second
        # apart, and less after a change (LIVE_ROUND_MS, LIVE_EARLY_MS).
        watched = browser.run("return window.watched")
        late = [share for seen, share in watched if seen >= revision and share != "40.0"]
        assert watched[-1] == [revision, "40.0"] and len(late) <= 1, (revision, watched)
        bed.update("web-v1", "1", health="HEALTHY")
        wait_until(lambda: rows(browser, "services")["default/web-v1"]["state"] == "OK", 10, "the new health is shown")
        expect_services(bed, browser)

        go(browser, "service/default/web-v1")
        wait_until(lambda: len(rows(browser, "endpoints")) == 2, 10, "its endpoints")
        expect_endpoints(bed, browser, "web-v1")
        bed.change("DELETE", "/v1/instances", service="web-v1", id="0", now=True)
        wait_until(lambda: len(rows(browser, "endpoints")) == 1, 10, "the one that is left")
        expect_endpoints(bed, browser, "web-v1")
        assert browser.run("return document.querySelectorAll('.chart canvas').length") == 2
        keep_picture(browser, "service")

        go(browser, "tasks")
        wait_until(lambda: rows(browser, "tasks"), 10, "tasks")
        (cells,) = rows(browser, "tasks").values()
        assert (cells["service"], cells["state"], cells["cgroup"]) == ("caller", "attached", task.path), cells
        go(browser, "map")
        nodes = wait_until(lambda: (nodes := browser.run(NODES).split("\n")) and sum(node.startswith("endpoint ") for node in nodes) == 3 and nodes,
                           10, "the map has all endpoints")
        assert {"client default/caller", "service default/web-v1", "service default/web-v2", "service default/down"} <= set(nodes), nodes
        assert not any(node.startswith("tasks ") for node in nodes), nodes
        keep_picture(browser, "map")
        browser.click("[data-node='service default/down']")
        wait_until(lambda: browser.run("return document.querySelectorAll('[data-node^=service]').length") == 1, 5, "only that service")
        go(browser, "host")
        assert "revision" in browser.run("return document.querySelector('main').innerText")

        # Keys, dark and light.
        browser.press("1")
        wait_until(lambda: browser.run("return document.querySelector('main').dataset.view") == "services", 5, "a key goes to a view")
        browser.press("/")
        browser.press("v2")
        wait_until(lambda: list(rows(browser, "services")) == ["default/web-v2"], 5, "the search narrows")
        browser.press("\ue00c")
        wait_until(lambda: len(rows(browser, "services")) == 3, 5, "Escape ends the search")
        keep_picture(browser, "light")
        light = browser.run("return getComputedStyle(document.body).backgroundColor")
        browser.show_as(is_dark=True)
        dark = browser.run("return getComputedStyle(document.body).backgroundColor")
        assert light != dark, (light, dark)
        keep_picture(browser, "dark")

        # A restart: the page finds the new daemon by itself.
        bed.restart()
        wait_until(lambda: browser.run("return document.querySelector('[data-state]').dataset.state") == "live" and
                   len(rows(browser, "services")) == 3, 20, "the page has found the daemon again")
        bed.route("web", {"web-v1": 30, "web-v2": 70})
        wait_until(lambda: rows(browser, "services")["default/web-v2"]["wanted"] == "70.0", 10, "and goes on")
        complaints = [line for line in browser.complaints() if "net::ERR" not in line]
        assert not complaints, complaints


EDGES = """return Object.fromEntries([...document.querySelectorAll('[data-edge]')].map(edge =>
  [edge.dataset.edge, [Number(edge.getAttribute('stroke-width')), edge.getAttribute('class')]]));"""


def test_callers_on_the_map():
    """Wide lines carry the bytes: one client that fetches much by few connections, one that fetches nothing by many, one that fails."""
    with page() as (bed, browser):
        large = bed.address()
        bed.register("files", serve(bed, large), id="a")
        bed.service("small")
        bed.register("broken", bed.address(), id="b")
        bed.change("PUT", "/v1/settings", service="broken", settings={"ejection": {"failures": 0}})
        bed.change("PUT", "/v1/settings", service="files", settings={"responseTime": "all"})
        reader, prober, idle = (bed.task(service=name, name=name) for name in ("reader", "prober", "idle"))
        open_view(bed, browser, "map")

        def calls():
            call(reader, 5, bed.target("files", PORT))
            prober.connector({bed.target("small", PORT): None}, "--count", 20)
            call(prober, 3, bed.target("broken", PORT))
            edges = browser.run(EDGES)
            wanted = ["client default/reader default/files", "client default/prober default/small", "client default/prober default/broken"]
            return all(name in edges and "idle" not in edges[name][1] for name in wanted) and [edges[name] for name in wanted]
        files, small, broken = wait_until(calls, 20, "what each calls")
        assert files[0] > 2 * small[0] and "busy" in files[1] and "busy" in small[1] and "bad" in broken[1], (files, small, broken)
        edges = browser.run(EDGES)
        assert edges[f"endpoint default/files/a/{large.split(':')[0]}"][0] > 2, edges
        nodes = browser.run(NODES).split("\n")
        assert {"client default/reader", "client default/prober", "tasks default"} <= set(nodes), nodes
        assert idle
        keep_picture(browser, "callers")
        # Its callers' round trips and the first bytes of their answers are in the table.
        go(browser, "services")
        cells = wait_until(lambda: (cells := rows(browser, "services"))["default/files"].get("firstByte", "–") != "–" and cells["default/files"],
                           10, "times are shown")
        told = next(item for item in one_round(bed)["service"] if item["name"] == "files")
        [caller] = bed.get("/v1/callers", service="files")["callers"]
        assert told["firstByte"] == caller["firstByte"] and told["bytes"]["sent"] == caller["bytesSent"], (told, caller)
        assert told["roundTripMilliseconds"] * 1000 == caller["roundTripMicroseconds50"], (told, caller)
        assert "ms" in cells["rtt"] and "ms" in cells["firstByte99"], cells


def test_names_are_text_and_a_thousand_services_have_room():
    """With a token, which the browser sends with scripts and stream as well."""
    with page(webTokenFile=None) as (bed, browser):
        with open("/proc/self/comm", "w", encoding="utf-8") as file:
            file.write(NAME_OF_PROCESS)
        bed.batch([{"op": "register", "service": f"service-{i:04}", "address": f"127.9.{i // 250}.{i % 250 + 1}:80", "id": "a"} for i in range(1000)])
        bed.route("front", {"service-0007": 1, "service-0008": 3})
        task = bed.bare_task(HOSTILE)
        bed.attach(task, service="caller")
        open_view(bed, browser)
        wait_until(lambda: browser.run("return document.querySelector('.tile b').innerText.replace(/\\D/g, '')") == "1000", 20, "all are known")
        assert len(rows(browser, "services")) == 50
        assert "1–50 of 1\u202f000" in browser.run("return document.querySelector('.pages').innerText")
        browser.click(".pages button:last-child")
        wait_until(lambda: "default/service-0050" in rows(browser, "services"), 5, "the second page")
        browser.press("/")
        browser.press("service-0777")
        wait_until(lambda: list(rows(browser, "services")) == ["default/service-0777"], 5, "the one that is searched")
        browser.press("\ue00c")
        go(browser, "map")
        wait_until(lambda: browser.run(NODES).count("service ") == 40, 10, "as many as a map has room for")
        go(browser, "map/default/service-0008")
        wait_until(lambda: [node for node in browser.run(NODES).split("\n") if node.startswith("service ")]
                   == ["service default/service-0007", "service default/service-0008"], 10, "what shares a route")

        for view in ("services", "tasks", "map", "events", "host", "service/default/service-0007", "service/%3Cb%3E/%3Cimg%20src=x%3E"):
            go(browser, view)
            wait_until(lambda: len(browser.run("return document.querySelector('main').innerText")) > 20, 10, view)
            if view == "tasks":
                wait_until(lambda: [cells["cgroup"] for cells in rows(browser, "tasks").values()] == [task.path], 10, "the cgroup's name")
            if view == "events":
                wait_until(lambda: f"({NAME_OF_PROCESS})" in browser.run("return document.querySelector('main').innerText"), 10, "who made the change")
            assert browser.run("return document.querySelectorAll('main img, main script, main svg svg, main iframe').length") == 0, view
        assert browser.run("return document.title") != "owned"
        # What would be markup is refused by the browser, whoever tries, and so is what would leave the page.
        assert browser.run("""try { document.body.insertAdjacentHTML("beforeend", "<b>x</b>"); return "taken"; } catch (error) { return error.name; }""") == "TypeError"
        assert browser.run("""return fetch("http://127.0.0.1:1/").then(() => "taken", error => error.name)""") == "TypeError"
        assert [line for line in browser.complaints() if "connect-src" in line], "the policy has refused it"


def test_strangers():
    with Testbed(start=False) as bed:
        bed.web_address = bed.address(9466)
        bed.config["webListen"] = bed.web_address
        bed.start()
        status, headers, body = ask(bed)
        assert status == 200 and b"<script" in body and "'self'" in headers["Content-Security-Policy"], (status, headers)
        assert "unsafe" not in headers["Content-Security-Policy"] and "Set-Cookie" not in headers
        assert ask(bed, If_None_Match=headers["ETag"])[0] == 304
        assert ask(bed, method="HEAD")[2] == b""
        assert ask(bed, host="rebound.example:9466")[0] == 403
        assert ask(bed, path="/live", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="cors")[0] == 403
        assert ask(bed, method="POST")[0] in (405, 411)
        assert ask(bed, path="/v1/status")[0] == 404
        # Streams that nobody reads hold no other reader up.
        deaf = []
        for _ in range(15):
            connection = http.client.HTTPConnection(bed.web_address, timeout=30 * PATIENCE)
            connection.request("GET", "/live")
            deaf.append(connection)
        assert one_round(bed)["round"]
        for connection in deaf:
            connection.close()


def test_a_token():
    with Testbed(start=False) as bed:
        bed.web_address = bed.address(9466)
        path = write_token(bed)
        bed.config.update(webListen=bed.web_address, webTokenFile=path)
        bed.start()
        status, headers, _ = ask(bed)
        assert status == 401 and headers["WWW-Authenticate"].startswith("Basic "), (status, headers)
        assert ask(bed, Authorization=f"Bearer {TOKEN}")[0] == 200
        assert ask(bed, Authorization=f"Bearer {TOKEN[:-1]}")[0] == 401
        bed.stop()
        for config, sentence in (({"webListen": "0.0.0.0:9466", "webTokenFile": "off"}, 'webTokenFile: "off" is not allowed'),
                                 ({"webListen": "9466"}, 'webListen: "9466" is not allowed')):
            bed.config.update({"webListen": bed.web_address, "webTokenFile": path, **config})
            bed.write_config()
            result = bed.run(bed.command_line())
            assert result.rc != 0 and sentence in result.err, result
        os.chmod(path, 0o644)
        bed.config.update(webListen=bed.web_address, webTokenFile=path)
        bed.write_config()
        result = bed.run(bed.command_line())
        assert result.rc != 0 and "0600" in result.err, result
