// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
// The table of services.

import { html } from "./vendor/preact.js";
import { extrasOf, matches, serviceRows, sorted } from "./model.js";
import { milliseconds, percent, rate, whole } from "./format.js";
import { State, Tile, linkTo } from "./link.js";
import { Spark } from "./spark.js";
import { Table } from "./table.js";

const ORDER = { DOWN: 0, PARTLY: 1, OK: 2, EMPTY: 3 };

export const extraColumns = rows => extrasOf(rows.map(row => row.item)).map(extra => ({
  id: extra.id, title: extra.title, hint: extra.hint, isNumber: true, value: row => extra.of(row.item) ?? NaN,
  cell: row => milliseconds(extra.of(row.item)),
}));

export const failureCell = row => html`<span class=${row.rates.failures > 0 ? "failing" : "zero"}>${rate(row.rates.failures)}</span>`;

function columnsOf(store, rows) {
  const hasNamespaces = new Set(rows.map(row => row.namespace)).size > 1;
  const share = (id, title, hint) => ({
    id, title, hint, isNumber: true, value: row => row.isSplit ? row[id] : NaN,
    cell: row => row.isSplit ? percent(row[id]) : html`<span class="zero">${percent(row[id])}</span>`,
  });
  return [
    { id: "service", title: "Service", value: row => row.name, cell: row => html`
      <a href=${linkTo("service", row.namespace, row.name)}>${row.name}</a>${hasNamespaces && html` <small>${row.namespace}</small>`}` },
    { id: "spark", title: "Last minute", hint: "connects a second, failures in red", value: row => row.rates.connections, isNumber: true,
      className: "sparks", cell: row => html`<${Spark} now=${store.atMs} steps=${store.series.service.get(row.key)?.steps() ?? []}
        label=${`${rate(row.rates.connections)} connects a second`} />` },
    { id: "connections", title: "Conn/s", hint: "connects a second, over 10 s", isNumber: true, value: row => row.rates.connections,
      cell: row => html`<span class=${row.rates.connections > 0 ? "" : "zero"}>${rate(row.rates.connections)}</span>` },
    { id: "open", title: "Open", hint: "connections now", isNumber: true, value: row => row.open,
      cell: row => html`<span class=${row.open ? "" : "zero"}>${whole(row.open)}</span>` },
    { id: "failures", title: "Fail/s", hint: "refused, unanswered, reset early or unreachable, a second, over 10 s", isNumber: true,
      value: row => row.rates.failures, cell: failureCell },
    { id: "alias", title: "Share of", hint: "the client alias that it has a share of", value: row => row.alias,
      cell: row => html`<span class=${row.isSplit ? "" : "zero"}>${row.alias}</span>` },
    share("wanted", "Want %", "by the weights of its route"),
    share("got", "Got %", "of the connects of the last 10 s"),
    ...extraColumns(rows),
    { id: "drawn", title: "Endpoints", hint: "drawn by connects, of all", isNumber: true, value: row => row.total ? row.drawn / row.total : -1,
      cell: row => html`${whole(row.drawn)}<small> / ${whole(row.total)}</small>` },
    { id: "state", title: "State", value: row => String(ORDER[row.state]), cell: row => html`<${State} mood=${row.mood}>${row.state}<//>` },
    { id: "reason", title: "Reason", isWide: true, value: row => row.reason, cell: row => html`<span title=${row.reason}>${row.reason}</span>` },
  ];
}

export function Services({ store, search }) {
  const all = sorted(serviceRows(store), row => `${ORDER[row.state]} ${row.name} ${row.namespace}`, false); // where failures are the same
  const rows = all.filter(row => matches(search, row.name, row.namespace, row.alias, row.state, row.reason));
  const sum = pick => all.reduce((total, row) => total + (pick(row) || 0), 0);
  const bad = all.filter(row => row.state === "DOWN").length, partly = all.filter(row => row.state === "PARTLY").length;
  const failures = sum(row => row.rates.failures);

  return html`
    <div class="tiles">
      <${Tile} title="Services" value=${whole(all.length)} />
      <${Tile} title="Connects" value=${rate(sum(row => row.rates.connections))} unit="/s" />
      <${Tile} title="Open" value=${whole(sum(row => row.open))} />
      <${Tile} title="Failures" value=${rate(failures)} unit="/s" mood=${failures > 0 ? "bad" : ""} />
      <${Tile} title="Endpoints drawn" value=${whole(sum(row => row.drawn))} unit=${`of ${whole(sum(row => row.total))}`} />
      <${Tile} title="Down / partly" value=${`${bad} / ${partly}`} mood=${bad ? "bad" : partly ? "warn" : ""} />
    </div>
    <${Table} name="services" columns=${columnsOf(store, all)} rows=${rows} keyOf=${row => row.key} moodOf=${row => row.mood}
      first=${{ by: "failures", isDown: true }}
      empty=${all.length ? "No service matches the search." : "No service is registered yet: svcconnect register NAME --address IP:PORT"} />`;
}
