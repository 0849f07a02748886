// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
// A minute of connects a second as a small line, with failures in red below it.

import { html } from "./vendor/preact.js";

const WIDTH = 108, HEIGHT = 22, MINUTE_MS = 60000;

export function Spark({ steps, now, label }) {
  const most = Math.max(1, ...steps.map(step => step.connections));
  const x = step => (WIDTH - 1 - (now - step.at) / MINUTE_MS * (WIDTH - 2)).toFixed(1);
  const y = value => (HEIGHT - 1.5 - value / most * (HEIGHT - 4)).toFixed(1);
  const line = steps.map((step, i) => `${i ? "L" : "M"}${x(step)} ${y(step.connections)}`).join("");
  const area = steps.length > 1 ? `${line}L${x(steps.at(-1))} ${HEIGHT - 1}L${x(steps[0])} ${HEIGHT - 1}Z` : "";
  const failed = steps.filter(step => step.failures > 0);

  return html`
    <svg class="spark" width=${WIDTH} height=${HEIGHT} viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label=${label}>
      <path class="area" d=${area} /><path class="line" d=${line} />
      ${failed.map(step => html`<path class="failed" key=${step.at} d=${`M${x(step)} ${HEIGHT - 1}V${y(Math.min(most, step.failures))}`} />`)}
    </svg>`;
}
