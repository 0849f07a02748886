// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
// The daemon and its host: what is wrong, and how full what is.

import { html } from "./vendor/preact.js";
import { NONE, duration, milliseconds, whole } from "./format.js";
import { State, Tile } from "./link.js";

const WORDS = { hit: "to an alias", miss: "past it", noEndpoint: "no endpoint", noAlias: "no such alias", policy: "not allowed", policyAudited: "not allowed (audit)", retried: "retried", inconsistent: "inconsistent",
  redrawn: "drawn again", allEjected: "all ejected", saved: "saved by liveness", eventsLost: "events lost" };

const Facts = ({ title, facts }) => html`
  <section class="card"><h2>${title}</h2><dl>${facts.filter(([, value]) => value !== undefined && value !== "").map(([name, value]) => html`
    <div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl></section>`;

function Fill({ map }) {
  const share = map.max ? map.used / map.max : 0;
  return html`<div class="fill"><span>${map.name}</span>
    <progress max=${map.max} value=${map.used} class=${share > 0.9 ? "bad" : share > 0.7 ? "warn" : ""} aria-label=${map.name}></progress>
    <span class="number">${whole(map.used)}<small> / ${whole(map.max)}</small></span></div>`;
}

export function Host({ store }) {
  const status = store.status;
  if (!status) return html`<p class="empty">Waiting for the daemon's status.</p>`;
  const { registry, loop, dns, health, counters } = status;
  const fleet = registry.fleet;

  return html`
    <div class="tiles">
      <${Tile} title="State" value=${status.state} mood=${status.state === "ok" ? "" : "bad"} />
      <${Tile} title="Tasks" value=${whole(status.tasks)} />
      <${Tile} title="Services" value=${whole(status.services)} />
      <${Tile} title="Instances" value=${whole(status.instances)} />
      <${Tile} title="Loop lag p99" value=${milliseconds(loop?.lagP99Ms)} />
      <${Tile} title="Up" value=${duration(status.uptimeSeconds)} />
    </div>
    ${status.degraded.length > 0 && html`<section class="card trouble"><h2>Degraded</h2><ul>${status.degraded.map(sentence => html`<li key=${sentence}>${sentence}</li>`)}</ul></section>`}
    <div class="pile">
      <${Facts} title="Registry" facts=${[
        ["type", registry.type], ["state", html`<${State} mood=${registry.state === "ok" ? "ok" : "bad"}>${registry.state}<//>`], ["reason", registry.reason],
        ["revision", whole(registry.revision)], ["path", html`<code>${registry.path}</code>`],
        ["fleet", fleet && (fleet.isLost ? `lost: ${fleet.why ?? ""}` : `found ${whole(fleet.found)} times, compared ${whole(fleet.resyncs)} times`)],
      ]} />
      <${Facts} title="Connects" facts=${Object.entries(counters ?? {}).map(([name, n]) => [WORDS[name] ?? name, html`<span class="number">${whole(n)}</span>`])} />
      <section class="card"><h2>Tables of the kernel</h2>${status.maps.map(map => html`<${Fill} key=${map.name} map=${map} />`)}</section>
      <${Facts} title="Daemon" facts=${[
        ["version", status.version], ["process", status.pid], ["kernel", status.kernel?.release], ["alias range", html`<code>${status.aliasRange}</code>`],
        ["DNS", dns?.on ? `on, ${whole(dns.answered)} answered, ${whole(dns.forwarded)} forwarded` : "off"],
        ["health checks", health && `${whole(health.targets)} targets, ${whole(health.failed)} of ${whole(health.probes)} probes failed`],
        ["container runtimes", status.containerRuntimes && `${status.containerRuntimes.connected} of ${status.containerRuntimes.count} connected`],
        ["loop lag, most", loop ? milliseconds(loop.lagMaxMs) : NONE], ["pins put back", whole(status.pins?.putBack)],
      ]} />
    </div>`;
}
