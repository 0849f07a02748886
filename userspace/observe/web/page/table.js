// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
// A table that is sorted, searched and paged. Only the rows of a page are in the document.

import { html, useState } from "./vendor/preact.js";
import { sorted } from "./model.js";
import { whole } from "./format.js";

export const PAGE = 50;

// `columns`: {id, title, cell(row), value(row), isNumber, isWide, hint}. `first`: {by, isDown}.
export function Table({ name, columns, rows, keyOf, first, moodOf, empty }) {
  const [order, setOrder] = useState(first);
  const [page, setPage] = useState(0);
  const by = columns.find(column => column.id === order.by) ?? columns[0];
  const all = sorted(rows, by.value, order.isDown);
  const pages = Math.max(1, Math.ceil(all.length / PAGE));
  const shown = Math.min(page, pages - 1);
  const press = column => setOrder({ by: column.id, isDown: order.by === column.id ? !order.isDown : !!column.isNumber });
  const direction = column => order.by !== column.id ? undefined : order.isDown ? "descending" : "ascending";

  return html`
    <div class="scroll">
      <table aria-label=${name} data-table=${name}>
        <thead><tr>${columns.map(column => html`
          <th key=${column.id} scope="col" aria-sort=${direction(column)} class=${kind(column)}>
            <button type="button" title=${column.hint} onClick=${() => press(column)}>${column.title}</button>
          </th>`)}</tr></thead>
        <tbody>${all.slice(shown * PAGE, (shown + 1) * PAGE).map(row => html`
          <tr key=${keyOf(row)} data-row=${keyOf(row)} class=${moodOf ? `mood-${moodOf(row)}` : undefined}>
            ${columns.map(column => html`<td key=${column.id} data-cell=${column.id} class=${kind(column)}>${column.cell(row)}</td>`)}
          </tr>`)}</tbody>
      </table>
      ${all.length === 0 && html`<p class="empty">${empty}</p>`}
    </div>
    ${pages > 1 && html`
      <nav class="pages" aria-label="pages">
        <button type="button" disabled=${shown === 0} onClick=${() => setPage(shown - 1)}>Previous</button>
        <span>${whole(shown * PAGE + 1)}–${whole(Math.min(all.length, (shown + 1) * PAGE))} of ${whole(all.length)}</span>
        <button type="button" disabled=${shown === pages - 1} onClick=${() => setPage(shown + 1)}>Next</button>
      </nav>`}`;
}

const kind = column => [column.isNumber && "number", column.isWide && "wide", column.className].filter(Boolean).join(" ") || undefined;
