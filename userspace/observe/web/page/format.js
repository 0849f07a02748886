// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
// Numbers and times as text. Pure.

export const NONE = "–";

export function rate(value) {
  if (!Number.isFinite(value)) return NONE;
  if (value === 0) return "0";
  if (value >= 100000) return `${(value / 1000).toFixed(0)}k`;
  if (value >= 10000) return `${(value / 1000).toFixed(1)}k`;
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}

export function percent(value) {
  return Number.isFinite(value) ? value.toFixed(1) : NONE;
}

export function whole(value) {
  return Number.isFinite(value) ? value.toLocaleString("en-US").replaceAll(",", "\u202f") : NONE;
}

export function bytes(value) {
  if (!Number.isFinite(value)) return NONE;
  let unit = 0;
  for (; value >= 1000 && unit < 4; unit++) value /= 1000;
  return `${unit && value < 100 ? value.toFixed(1) : value.toFixed(0)} ${["B", "kB", "MB", "GB", "TB"][unit]}`;
}

export function milliseconds(value) {
  if (!Number.isFinite(value)) return NONE;
  return value >= 1000 ? `${(value / 1000).toFixed(1)} s` : value >= 10 ? `${value.toFixed(0)} ms` : `${value.toFixed(1)} ms`;
}

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return NONE;
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  for (let i = 0; i < parts.length; i++) {
    const [size, unit] = parts[i];
    if (seconds < size && size > 1) continue;
    const first = Math.floor(seconds / size);
    const rest = i + 1 < parts.length ? Math.floor(seconds % size / parts[i + 1][0]) : 0;
    return rest && size > 1 ? `${first} ${unit} ${rest} ${parts[i + 1][1]}` : `${first} ${unit}`;
  }
  return "0 s";
}

export function clock(iso) {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? iso : at.toLocaleTimeString("en-GB");
}

export function day(iso) {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? iso : at.toLocaleString("en-GB");
}

// "127.0.0.2:8081", "[::1]:80"; of a host name without an address the name.
export function place(item) {
  if (!item.address) return item.host ?? NONE;
  return item.address.includes(":") ? `[${item.address}]:${item.port}` : `${item.address}:${item.port}`;
}
