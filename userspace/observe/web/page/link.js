// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
// Addresses of views, and small pieces that several of them show.

import { html } from "./vendor/preact.js";

export const linkTo = (view, ...names) => `#/${[view, ...names].map(encodeURIComponent).join("/")}`;

export const State = ({ mood, children }) => html`<span class=${`state ${mood}`}><i></i>${children}</span>`;

export const Tile = ({ title, value, unit, mood }) => html`
  <div class=${`tile ${mood ?? ""}`}><span>${title}</span><b>${value}${unit && html`<small> ${unit}</small>`}</b></div>`;
