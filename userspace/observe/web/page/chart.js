// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
// A chart over time by uPlot, in the colours of the page's style.

import { html, useEffect, useRef } from "./vendor/preact.js";

const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const timeText = at => new Date(at * 1000).toLocaleTimeString("en-GB");

// Lines at moments, with a word each: {at (seconds), text}.
function drawMarks(plot, marks) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  for (const mark of marks) {
    const x = Math.round(plot.valToPos(mark.at, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = ctx.fillStyle = colour("--faint");
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.textAlign = "left";
    ctx.fillText(mark.text, x + 4 * devicePixelRatio, bbox.top + 11 * devicePixelRatio);
  }
  ctx.restore();
}

// `series`: {label, colour (a name of the style), values, isWanted, fill}; `times` in seconds.
export function Chart({ times, series, marks = [], height = 190, max }) {
  const place = useRef(null);
  const plot = useRef(null);
  const latest = useRef({});
  const shape = JSON.stringify([series.map(one => [one.label, one.colour, one.isWanted]), max]);
  latest.current = { marks, series };

  useEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const make = () => {
      plot.current?.destroy();
      const axis = { stroke: colour("--dim"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
      plot.current = new window.uPlot({
        width: place.current.clientWidth, height,
        cursor: { points: { size: 6 }, y: false },
        legend: { show: false },
        scales: { x: { time: true }, y: { range: (_, low, high) => [0, max ?? Math.max(1, (high ?? 0) * 1.15)] } },
        axes: [{ ...axis, size: 26, space: 90, values: (_, times) => times.map(timeText) }, { ...axis, size: 40 }],
        series: [{}, ...latest.current.series.map(one => ({
          label: one.label, stroke: colour(one.colour), width: one.isWanted ? 1 : 1.75, dash: one.isWanted ? [6, 4] : undefined,
          fill: one.fill ? colour(one.fill) : undefined, points: { show: false }, spanGaps: false,
          paths: one.isWanted ? window.uPlot.paths.stepped({ align: 1 }) : undefined,
        }))],
        hooks: { draw: [one => drawMarks(one, latest.current.marks)] },
      }, [[], ...latest.current.series.map(() => [])], place.current);
    };
    const fit = new ResizeObserver(() => plot.current?.setSize({ width: place.current.clientWidth, height }));
    make();
    dark.addEventListener("change", make);
    fit.observe(place.current);
    return () => {
      dark.removeEventListener("change", make);
      fit.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(() => plot.current?.setData([times, ...series.map(one => one.values)]));
  return html`<div class="chart" ref=${place}></div>`;
}

// `entries`: {name, colour, text, href}
export const Legend = ({ entries }) => html`<ul class="entries">${entries.map(entry => html`
  <li key=${entry.name}><i class=${entry.colour.slice(2)}></i>${entry.href ? html`<a href=${entry.href}>${entry.name}</a>` : entry.name}<b>${entry.text}</b></li>`)}</ul>`;
