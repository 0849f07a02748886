// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
// What happened lately.

import { html } from "./vendor/preact.js";
import { matches } from "./model.js";
import { clock, day } from "./format.js";
import { linkTo } from "./link.js";
import { Table } from "./table.js";

const BAD = new Set(["EJECTED", "CONNECT_FAILED", "EVENTS_LOST", "GATE_TIMEOUT"]);

const subject = item => html`${item.service
  ? html`<a href=${linkTo("service", item.namespace, item.service)}>${item.service}</a>` : ""}${item.instance && html` <small>${item.instance}</small>`}`;

export function EventList({ events, limit, hasSubject }) {
  if (!events.length) return html`<p class="empty">Nothing happened lately.</p>`;
  return html`<ol class="events">${events.slice(0, limit).map(item => html`
    <li key=${item.sequence} class=${BAD.has(item.kind) ? "bad" : ""}>
      <time title=${day(item.time)}>${clock(item.time)}</time><b>${item.kind}</b>
      <span>${hasSubject && item.service ? html`${item.service} ` : ""}${item.instance && html`<small>${item.instance}</small> `}${item.message}${item.count > 1 && html` <small>×${item.count}</small>`}</span>
    </li>`)}</ol>`;
}

export function Events({ store, search }) {
  const rows = store.events.filter(item => matches(search, item.kind, item.namespace, item.service, item.instance, item.message));
  const columns = [
    { id: "sequence", title: "Time", isNumber: true, className: "time", value: item => item.sequence,
      cell: item => html`<time title=${day(item.time)}>${clock(item.time)}</time>` },
    { id: "kind", title: "Kind", value: item => item.kind, cell: item => html`<span class=${BAD.has(item.kind) ? "failing" : ""}>${item.kind}</span>` },
    { id: "subject", title: "Service", value: item => item.service, cell: subject },
    { id: "count", title: "Times", isNumber: true, value: item => item.count, cell: item => item.count > 1 ? item.count : "" },
    { id: "message", title: "What", isWide: true, value: item => item.message, cell: item => html`<span title=${item.message}>${item.message}</span>` },
  ];
  return html`<${Table} name="events" columns=${columns} rows=${rows} keyOf=${item => String(item.sequence)} first=${{ by: "sequence", isDown: true }}
    empty=${store.events.length ? "No event matches the search." : "Nothing happened lately."} />`;
}
