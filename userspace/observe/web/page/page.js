// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
// The page: what is on the screen, by the address behind #. All texts are put in as text, never as markup; the daemon's
// Content-Security-Policy refuses anything else.

import { html, render, useEffect, useRef, useState } from "./vendor/preact.js";
import { Store } from "./store.js";
import { Stream } from "./stream.js";
import { Services } from "./services.js";
import { Service } from "./service.js";
import { ServiceMap, MAP_ENDPOINTS } from "./map.js";
import { Tasks } from "./tasks.js";
import { Events } from "./events.js";
import { Host } from "./host.js";
import { duration } from "./format.js";
import { linkTo } from "./link.js";

const VIEWS = [["services", "Services"], ["map", "Map"], ["tasks", "Tasks"], ["events", "Events"], ["host", "Host"]];
const STATES = { live: "live", waiting: "connecting", lost: "connection lost" };

const store = new Store();

// "#/service/NAMESPACE/NAME"
function placeOf(hash) {
  const [view, namespace, service] = hash.replace(/^#\/?/, "").split("/").map(part => {
    try { return decodeURIComponent(part); } catch { return part; }
  });
  return { view: view || "services", namespace, service };
}

// What has to be told for a view.
function needs(place) {
  const { view, namespace, service } = place;
  if (view === "service") return { namespace, service };
  if (view === "tasks") return { tasks: "1" };
  if (view !== "map") return {};
  let n = 0;
  for (const item of store.service.values()) n += item.instances;
  return { tasks: "1", callers: "1", ...(n <= MAP_ENDPOINTS ? { all: "1" } : { namespace, service }) };
}

function Page() {
  const [place, setPlace] = useState(placeOf(location.hash));
  const [search, setSearch] = useState("");
  const [, setRound] = useState(0);
  const stream = useRef(null);
  const field = useRef(null);

  if (!stream.current) stream.current = new Stream(store, () => setRound(n => n + 1));
  useEffect(() => {
    const move = () => setPlace(placeOf(location.hash));
    const press = event => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Escape") setSearch(""), field.current?.blur();
      else if (event.target instanceof HTMLInputElement) return;
      else if (event.key === "/") event.preventDefault(), field.current?.focus();
      else if (event.key >= "1" && event.key <= String(VIEWS.length)) location.hash = linkTo(VIEWS[event.key - 1][0]);
    };
    addEventListener("hashchange", move);
    addEventListener("keydown", press);
    return () => { removeEventListener("hashchange", move); removeEventListener("keydown", press); };
  }, []);
  useEffect(() => stream.current.want(needs(place)));
  useEffect(() => { document.title = place.service ? `${place.service} · svcconnect` : "svcconnect"; }, [place]);

  const status = store.status;
  const view = { store, search, place };
  const shown = place.view === "service" ? "services" : place.view;
  const isDegraded = status && status.state !== "ok";

  return html`
    <header>
      <a class="name" href="#/services"><img src="/icon.svg" alt="" width="20" height="20" />svcconnect</a>
      <nav aria-label="views">${VIEWS.map(([id, title], i) => html`
        <a key=${id} href=${linkTo(id)} aria-current=${shown === id ? "page" : undefined} title=${`key ${i + 1}`}>${title}</a>`)}</nav>
      <input ref=${field} type="search" placeholder="Search  ( / )" aria-label="Search" value=${search}
             onInput=${event => setSearch(event.target.value)} spellcheck="false" autocomplete="off" />
      <span class="host">
        ${isDegraded && html`<a class="pill bad" href="#/host">degraded</a>`}
        <span class=${`pill ${stream.current.state === "live" ? "ok" : "warn"}`} data-state=${stream.current.state}>${STATES[stream.current.state]}</span>
      </span>
    </header>
    <main data-view=${place.view} data-rounds=${store.rounds} data-revision=${store.revision}>
      ${store.rounds === 0 ? html`<p class="empty">Waiting for the daemon.</p>`
        : place.view === "service" ? html`<${Service} key=${`${place.namespace}/${place.service}`} ...${view} />`
        : place.view === "map" ? html`<${ServiceMap} ...${view} />`
        : place.view === "tasks" ? html`<${Tasks} ...${view} />`
        : place.view === "events" ? html`<${Events} ...${view} />`
        : place.view === "host" ? html`<${Host} ...${view} />`
        : html`<${Services} ...${view} />`}
    </main>
    <footer>${status && html`svcconnect ${status.version} · Linux ${status.kernel?.release} · up ${duration(status.uptimeSeconds)} · revision ${store.revision}`}</footer>`;
}

render(html`<${Page} />`, document.getElementById("page"));
