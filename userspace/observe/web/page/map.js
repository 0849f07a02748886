// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
// Who calls, services and endpoints from left to right. Each column is in the order of names, so that nothing moves but what
// comes or goes; only what is filtered is laid out. Wide lines carry many bytes, or connects where none have been counted; red ones fail.

import { html, useState } from "./vendor/preact.js";
import { bytesOfEndpoints, clientRows, endpointRows, matches, serviceRows, sorted } from "./model.js";
import { bytes, place as placeText, rate } from "./format.js";
import { linkTo } from "./link.js";

export const MAP_ENDPOINTS = 300; // up to so many the daemon tells all of them at once
const MOST_SERVICES = 40, MOST_OF_ONE = 24, MOST_ALL = 120;
const NODE = { width: 210, height: 38, gap: 12 };
const COLUMN = 380, MARGIN = 16;

// "default: cart, web"
function namesOf(namespace, tasks) {
  const names = [...new Set(tasks.map(task => task.service).filter(Boolean))].sort();
  return names.length ? `${namespace}: ${names.join(", ")}` : namespace;
}

const middle = nodes => nodes.length ? (nodes[0].y + nodes.at(-1).y) / 2 : 0;
const short = (text, most) => text.length > most ? `${text.slice(0, most - 1)}…` : text;

// Bytes are counted when a connection ends: while none has, connects tell more than nothing.
const weightsOf = lines => lines.some(line => line.rates.bytes > 0) ? line => line.rates.bytes || 0 : line => line.rates.connections || 0;

function widthOf(line, weight, most) {
  if (!(line.rates.connections > 0) && !(weight > 0)) return 1;
  return 1.5 + 9 * Math.sqrt(weight / Math.max(most, 1));
}

const textOf = rates => `${rate(rates.connections)} connects/s, ${rate(rates.failures)} failures/s, ${bytes(rates.bytes)}/s`;

function moodOf(rates) {
  if (!(rates.connections > 0) && !(rates.failures > 0)) return "idle";
  const share = rates.failures / Math.max(rates.connections, rates.failures);
  return share > 0.2 ? "bad" : share > 0 ? "warn" : "busy";
}

// The first column: of each namespace those who call, and the tasks of which none does. `services`: their nodes by namespace.
function layOutClients(store, services, nodes, lines) {
  const tall = NODE.height + NODE.gap;
  let y = MARGIN;
  for (const [namespace, of] of services) {
    const byKey = new Map(of.map(node => [node.row.key, node]));
    const clients = clientRows(store, byKey).slice(0, MOST_ALL);
    const silent = [...store.task.values()].filter(task => task.namespace === namespace &&
      !clients.some(client => client.name === (task.service || task.cgroup)));
    y = Math.max(y, middle(of) - clients.length * tall / 2);
    for (const client of clients) {
      const sum = { connections: 0, failures: 0, bytes: 0 };
      const node = { key: `client ${client.key}`, column: 0, y, title: client.name.split("/").at(-1) || client.name,
        text: client.isTask ? client.name : client.namespace, mood: "ok", rates: sum, href: linkTo("tasks") };
      for (const [key, rates] of client.services) {
        for (const member of Object.keys(sum)) sum[member] += rates[member] || 0;
        lines.push({ key: `${node.key} ${key}`, from: node, to: byKey.get(key), rates });
      }
      nodes.push(node);
      y += tall;
    }
    if (silent.length || !clients.length) {
      const node = { key: `tasks ${namespace}`, column: 0, y, title: `${clients.length ? "idle: " : ""}${silent.length} ${silent.length === 1 ? "task" : "tasks"}`,
        text: namesOf(namespace, silent), mood: silent.length && !clients.length ? "ok" : "dim", rates: { connections: 0, failures: 0 }, href: linkTo("tasks") };
      nodes.push(node);
      y += tall;
      // Where nobody counts who calls whom, it may be any of them.
      if (!clients.length) for (const service of of) lines.push({ key: `${node.key} ${service.key}`, from: node, to: service, rates: service.rates });
    }
  }
}

// Columns of nodes {key, x, y, title, text, mood} and lines between them. Pure.
function layOut(store, services) {
  const nodes = [], lines = [], tasks = new Map();
  const tall = NODE.height + NODE.gap, carried = bytesOfEndpoints(store);
  let y = MARGIN, left = MOST_ALL;

  for (const row of services) {
    const all = sorted(endpointRows(store, row.namespace, row.name), one => one.id, false);
    const some = all.slice(0, Math.min(MOST_OF_ONE, left));
    left -= some.length;
    const ends = some.map((one, i) => ({ key: `endpoint ${one.key}`, column: 2, y: y + i * tall, title: one.id, text: placeText(one.item),
      mood: one.mood,
      rates: { ...one.rates, bytes: carried.get(one.key)?.bytes ?? NaN }, href: linkTo("service", row.namespace, row.name) }));
    if (all.length > some.length)
      ends.push({ key: `more ${row.key}`, column: 2, y: y + ends.length * tall, title: `${all.length - some.length} more`, text: "", mood: "dim",
        rates: { connections: 0, failures: 0 }, href: linkTo("service", row.namespace, row.name) });
    const service = { key: `service ${row.key}`, column: 1, y: ends.length ? middle(ends) : y, title: row.name,
      text: `${rate(row.rates.connections)}/s${row.isSplit ? ` · ${row.alias} ${row.wanted.toFixed(0)} %` : ""}`,
      mood: row.mood, rates: row.rates, row };
    nodes.push(service, ...ends);
    for (const end of ends) lines.push({ key: end.key, from: service, to: end, rates: end.rates });
    if (!tasks.has(row.namespace)) tasks.set(row.namespace, []);
    tasks.get(row.namespace).push(service);
    y += Math.max(1, ends.length) * tall + NODE.gap;
  }
  layOutClients(store, tasks, nodes, lines);
  const bottom = nodes.reduce((most, node) => Math.max(most, node.y + tall), y);
  return { nodes, lines, height: Math.max(bottom, tall + MARGIN) + MARGIN };
}

const xOf = node => MARGIN + node.column * COLUMN;

function Line({ line, weight, most }) {
  const x1 = xOf(line.from) + NODE.width, x2 = xOf(line.to);
  const y1 = line.from.y + NODE.height / 2, y2 = line.to.y + NODE.height / 2;
  const bend = (x2 - x1) / 2;
  return html`<path class=${`edge ${moodOf(line.rates)}`} data-edge=${line.key} stroke-width=${widthOf(line, weight, most).toFixed(1)}
    d=${`M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`}><title>${textOf(line.rates)}</title></path>`;
}

const Node = ({ node, press, isChosen }) => html`
  <a href=${node.href ?? "#/map"} class=${`node ${node.mood}${isChosen ? " chosen" : ""}`} data-node=${node.key}
     aria-label=${`${node.title} ${node.text}`} onClick=${press && (event => { event.preventDefault(); press(); })}>
    <rect x=${xOf(node)} y=${node.y} width=${NODE.width} height=${NODE.height} rx="6" />
    <circle cx=${xOf(node) + 13} cy=${node.y + NODE.height / 2} r="4" />
    <text x=${xOf(node) + 26} y=${node.y + 16}>${short(node.title, 26)}</text>
    <text class="small" x=${xOf(node) + 26} y=${node.y + 30}>${short(node.text, 32)}</text>
  </a>`;

export function ServiceMap({ store, search, place }) {
  const [page, setPage] = useState(0);
  const chosen = place.service ? `${place.namespace}/${place.service}` : null;
  const all = sorted(serviceRows(store), row => row.key, false);
  const found = all.filter(row => chosen ? row.key === chosen || sharesWith(store, row, chosen) : matches(search, row.name, row.namespace, row.alias, row.state));
  const pages = Math.max(1, Math.ceil(found.length / MOST_SERVICES));
  const shown = Math.min(page, pages - 1);
  const { nodes, lines, height } = layOut(store, found.slice(shown * MOST_SERVICES, (shown + 1) * MOST_SERVICES));
  const weightOf = weightsOf(lines);
  const most = Math.max(0, ...lines.map(weightOf));
  const width = 2 * MARGIN + 2 * COLUMN + NODE.width;
  const go = row => { location.hash = row.key === chosen ? linkTo("map") : linkTo("map", row.namespace, row.name); };

  return html`
    <p class="legend"><span class="key busy"></span>the wider, the more bytes <span class="key warn"></span>some fail <span class="key bad"></span>many fail
      <span class="hint">${chosen ? html`Shown: ${place.service} and what shares its route. <a href="#/map">All services</a> · <a href=${linkTo("service", place.namespace, place.service)}>its own view</a>`
        : "Click a service to see it and what shares its route alone."}</span></p>
    ${found.length === 0 ? html`<p class="empty">No service matches.</p>` : html`
    <div class="scroll"><svg class="map" width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`} role="group" aria-label="map of callers, services and endpoints">
      ${sorted(lines, line => line.rates.failures || 0, false).map(line => html`<${Line} key=${line.key} line=${line} weight=${weightOf(line)} most=${most} />`)}
      ${nodes.map(node => html`<${Node} key=${node.key} node=${node} press=${node.row && (() => go(node.row))} isChosen=${node.row?.key === chosen} />`)}
    </svg></div>`}
    ${pages > 1 && html`<nav class="pages" aria-label="pages">
      <button type="button" disabled=${shown === 0} onClick=${() => setPage(shown - 1)}>Previous</button>
      <span>${shown + 1} of ${pages}</span>
      <button type="button" disabled=${shown === pages - 1} onClick=${() => setPage(shown + 1)}>Next</button></nav>`}`;
}

function sharesWith(store, row, chosen) {
  for (const alias of store.alias.values()) {
    const names = alias.targets.map(target => `${alias.namespace}/${target.service}`);
    if (names.includes(row.key) && names.includes(chosen)) return true;
  }
  return false;
}
