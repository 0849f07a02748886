// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
// One service: its endpoints, the routes that it has a share of, a canary's steps over time, what happened.

import { html, useState } from "./vendor/preact.js";
import { endpointRows, matches, serviceRows } from "./model.js";
import { duration, percent, place as placeText, rate, whole } from "./format.js";
import { State, Tile, linkTo } from "./link.js";
import { Chart, Legend } from "./chart.js";
import { EventList } from "./events.js";
import { Table } from "./table.js";
import { extraColumns, failureCell } from "./services.js";

const COLOURS = ["--c1", "--c2", "--c3", "--c4", "--c5", "--c6"];

function endpointColumns(rows) {
  return [
    { id: "id", title: "Endpoint", value: row => row.id, cell: row => row.id },
    { id: "address", title: "Address", value: row => placeText(row.item), cell: row => html`<code>${placeText(row.item)}</code>` },
    { id: "weight", title: "Weight", isNumber: true, value: row => row.item.weight, cell: row => whole(row.item.weight) },
    { id: "wanted", title: "Want %", isNumber: true, hint: "of the service, by weight", value: row => row.wanted, cell: row => percent(row.wanted) },
    { id: "got", title: "Got %", isNumber: true, hint: "of the service's connects of the last 10 s", value: row => row.got, cell: row => percent(row.got) },
    { id: "connections", title: "Conn/s", isNumber: true, value: row => row.rates.connections, cell: row => rate(row.rates.connections) },
    { id: "open", title: "Open", isNumber: true, value: row => row.open, cell: row => whole(row.open) },
    { id: "failures", title: "Fail/s", isNumber: true, value: row => row.rates.failures, cell: failureCell },
    ...extraColumns(rows),
    { id: "state", title: "State", value: row => row.state, cell: row => html`<${State} mood=${row.mood}>${row.state}<//>` },
    { id: "reason", title: "Reason", isWide: true, value: row => row.reason, cell: row => html`<span title=${row.reason}>${row.reason}</span>` },
  ];
}

// "backend:80: v2 gets 20.0 % now" -> "20 %"
const stepText = message => message.match(/gets ([\d.]+?)(?:\.0)? %/)?.[1].concat(" %") ?? message.split(": ").slice(1).join(": ").split(/[,:]/)[0];

function marksOf(store, alias) {
  const services = new Set(alias.targets.map(target => target.service));
  return store.events.filter(item => item.kind === "CANARY" && item.namespace === alias.namespace && services.has(item.service))
    .map(item => ({ at: Date.parse(item.time) / 1000, text: stepText(item.message) }));
}

function Route({ store, aliasKey }) {
  const alias = store.alias.get(aliasKey);
  const times = store.long.at.map(sample => sample.wall);
  const series = alias.targets.flatMap((target, i) => {
    const of = member => store.long.at.map(sample => {
      const value = sample.shares.get(aliasKey)?.find(share => share.service === target.service)?.[member];
      return Number.isFinite(value) ? value : null;
    });
    const colour = COLOURS[i % COLOURS.length];
    return [{ label: `${target.service} wanted`, colour, values: of("wanted"), isWanted: true }, { label: `${target.service} got`, colour, values: of("got") }];
  });
  return html`<${Chart} times=${times} series=${series} marks=${marksOf(store, alias)} max=${100} />
    <${Legend} entries=${store.sharesOf(alias).map((share, i) => ({
      name: share.service, colour: COLOURS[i % COLOURS.length], href: linkTo("service", alias.namespace, share.service),
      text: `${percent(share.got)} % got, ${percent(share.wanted)} % wanted` }))} />`;
}

function Canary({ canary }) {
  const isActive = canary.state === "RUNNING" || canary.state === "PAUSED";
  const mood = canary.state === "ROLLED_BACK" || canary.state === "ABORTED" ? "bad" : canary.state === "PAUSED" ? "warn" : "ok";
  return html`<p class="canary" data-canary=${canary.state}>
    <${State} mood=${mood}>${canary.state}<//>
    <span>canary ${canary.from} → ${canary.to}</span>
    <progress max="100" value=${canary.percent} aria-label="share of the new one"></progress><b>${percent(canary.percent)} %</b>
    ${isActive && html`<span>next step in ${duration(Math.round(canary.nextStepInSeconds))}</span>`}
    <span>${whole(canary.step.connects)} connects, ${whole(canary.step.failures)} failed in this step</span>
    ${canary.reason && html`<span>${canary.reason}</span>`}</p>`;
}

export function Service({ store, search, place }) {
  const [chosen, setChosen] = useState(null);
  const key = `${place.namespace}/${place.service}`;
  const row = serviceRows(store).find(one => one.key === key);
  if (!row) return html`<p class="empty">There is no service ${place.service} in ${place.namespace}. <a href="#/services">All services</a></p>`;

  const aliases = [...store.alias].filter(([, alias]) =>
    alias.namespace === row.namespace && alias.targets.some(target => target.service === row.name));
  const splits = aliases.filter(([, alias]) => alias.targets.length > 1);
  const shown = splits.find(([aliasKey]) => aliasKey === chosen) ?? splits[0];
  const canaries = [...store.canary.values()].filter(one => one.namespace === row.namespace && (one.from === row.name || one.to === row.name));
  const endpoints = endpointRows(store, row.namespace, row.name);
  const found = endpoints.filter(one => matches(search, one.id, placeText(one.item), one.state, one.reason));
  const events = store.events.filter(item => item.namespace === row.namespace && item.service === row.name);
  const times = store.long.at.map(sample => sample.wall);
  const failures = store.long.at.map(sample => sample.rates.get(key)?.failures ?? 0);
  const valuesOf = member => store.long.at.map(sample => sample.rates.get(key)?.[member] ?? 0);

  return html`
    <div class="title"><h1>${row.name}</h1><small>${row.namespace}</small><${State} mood=${row.mood}>${row.state}<//><span>${row.reason}</span></div>
    <div class="tiles">
      <${Tile} title="Connects" value=${rate(row.rates.connections)} unit="/s" />
      <${Tile} title="Open" value=${whole(row.open)} />
      <${Tile} title="Failures" value=${rate(row.rates.failures)} unit="/s" mood=${row.rates.failures > 0 ? "bad" : ""} />
      <${Tile} title="Endpoints drawn" value=${whole(row.drawn)} unit=${`of ${whole(row.total)}`} />
      ${row.isSplit && html`<${Tile} title=${`Share of ${row.alias}`} value=${percent(row.got)} unit=${`% got, ${percent(row.wanted)} wanted`} />`}
    </div>
    <div class="cards two">
      <section class="card"><h2>Connects and failures a second</h2>
        <${Chart} times=${times} series=${[
          { label: "connects", colour: "--c1", fill: "--c1-fill", values: valuesOf("connections") },
          { label: "failures", colour: "--bad", values: failures.some(value => value > 0) ? failures : failures.map(() => null) }]} />
        <${Legend} entries=${[{ name: "connects", colour: "--c1", text: `${rate(row.rates.connections)}/s` },
          { name: "failures", colour: "--bad", text: `${rate(row.rates.failures)}/s` }]} /></section>
      <section class="card"><h2>Route ${shown ? html`<span>${shown[1].dnsName}:${shown[1].port}</span>` : ""}
          ${splits.length > 1 && html`<select aria-label="route" onChange=${event => setChosen(event.target.value)}>${splits.map(([aliasKey, alias]) => html`
            <option key=${aliasKey} value=${aliasKey} selected=${aliasKey === shown[0]}>${alias.dnsName}:${alias.port}</option>`)}</select>`}</h2>
        ${shown ? html`<${Route} key=${shown[0]} store=${store} aliasKey=${shown[0]} />`
          : html`<p class="empty">All connects to ${aliases.map(([, alias]) => `${alias.dnsName}:${alias.port}`).join(", ") || "it"} come here; no route shares them out.</p>`}
        ${canaries.map(one => html`<${Canary} key=${`${one.client}/${one.dnsName}:${one.port}`} canary=${one} />`)}
      </section>
    </div>
    <h2>Endpoints</h2>
    <${Table} name="endpoints" columns=${endpointColumns(endpoints)} rows=${found} keyOf=${one => one.key} moodOf=${one => one.mood}
      first=${{ by: "failures", isDown: true }} empty=${endpoints.length ? "No endpoint matches the search." : "It has no endpoint."} />
    <h2>Events</h2>
    <${EventList} events=${events} limit=${40} />`;
}
