// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
// Rows as they are shown, from what the daemon has told. States and shares are those of `svcconnect top`.

export const MOODS = { OK: "ok", PARTLY: "warn", DOWN: "bad", EMPTY: "dim" };

const count = states => Object.values(states ?? {}).reduce((a, b) => a + b, 0);

// The alias in which a service shares connects with others, else its first.
function aliasesByService(store) {
  const found = new Map();
  for (const [key, alias] of store.alias)
    for (const target of alias.targets) {
      const service = `${alias.namespace}/${target.service}`;
      const other = found.get(service);
      if (!other || alias.targets.length > other.alias.targets.length) found.set(service, { key, alias });
    }
  return found;
}

// Of services and endpoints, as far as something is known of them: round trips and first bytes.
export const EXTRAS = [
  { id: "rtt", title: "RTT <", hint: "half of the round trips took less", of: item => item.roundTripMilliseconds },
  { id: "firstByte", title: "First byte p50", hint: "half of the first answers came within; of connections that are measured",
    of: item => item.firstByte?.p50Milliseconds },
  { id: "firstByte99", title: "p99", hint: "99 % of the first answers came within", of: item => item.firstByte?.p99Milliseconds },
];

export function extrasOf(items) {
  return EXTRAS.filter(extra => items.some(item => Number.isFinite(extra.of(item))));
}

export function serviceRows(store) {
  const aliases = aliasesByService(store);
  const rows = [];
  for (const [key, item] of store.service) {
    const rates = store.rates("service", key);
    const total = count(item.endpoints);
    const drawn = item.isPanic ? total : item.endpoints?.drawn ?? 0;
    const state = total === 0 ? "EMPTY" : drawn === 0 ? "DOWN" : drawn < total ? "PARTLY" : "OK";
    const within = aliases.get(key);
    const share = within && store.sharesOf(within.alias).find(target => target.service === item.name);
    rows.push({
      key, item, namespace: item.namespace, name: item.name, rates, total, drawn, state,
      mood: state === "OK" && rates.failures > 0 ? "warn" : MOODS[state],
      open: item.open ?? 0, reason: item.reason ?? "",
      alias: within && `${within.alias.dnsName}:${within.alias.port}`,
      isSplit: within ? within.alias.targets.length > 1 : false,
      wanted: share?.wanted ?? NaN, effective: share?.effective ?? NaN, got: share?.got ?? NaN,
    });
  }
  return rows;
}

export function endpointRows(store, namespace, service) {
  const rows = [];
  let weight = 0, n = 0;
  for (const [key, item] of store.endpoint) {
    if (item.namespace !== namespace || item.service !== service) continue;
    const rates = store.rates("endpoint", key);
    weight += item.weight;
    n += rates.n;
    const state = item.ejected ? "EJECTED" : item.health;
    rows.push({
      key, item, rates, id: item.id, state, open: item.open ?? 0, reason: item.reason ?? "",
      mood: !item.drawn ? "bad" : rates.failures > 0 ? "warn" : "ok",
    });
  }
  for (const row of rows) {
    row.wanted = weight > 0 ? 100 * row.item.weight / weight : NaN;
    row.got = n > 0 ? 100 * row.rates.n / n : NaN;
  }
  return rows;
}

const plus = (sum, rates) => {
  for (const member of ["connections", "failures", "bytes"]) if (Number.isFinite(rates[member])) sum[member] = (sum[member] || 0) + rates[member];
  return sum;
};
const nothing = () => ({ connections: NaN, failures: NaN, bytes: NaN });

// Who calls the services of this set of keys: [{key, namespace, name, isTask, services: {key of a service: rates}}] by name.
export function clientRows(store, services) {
  const clients = new Map();
  for (const [key, item] of store.caller) {
    const service = `${item.namespace}/${item.service}`;
    if (!item.service || !services.has(service)) continue;
    const name = item.client || item.cgroup || "?";
    const client = `${item.namespace}/${name}`;
    if (!clients.has(client)) clients.set(client, { key: client, namespace: item.namespace, name, isTask: !item.client, services: new Map() });
    const own = clients.get(client).services;
    own.set(service, plus(own.get(service) ?? nothing(), store.rates("caller", key)));
  }
  return sorted([...clients.values()], client => client.key, false);
}

// Bytes a second to and from an endpoint, of all that call it; NaN: nobody does.
export function bytesOfEndpoints(store) {
  const found = new Map();
  for (const [key, item] of store.caller) {
    const endpoint = `${item.namespace}/${item.service}/${item.instance}/${item.address}`;
    found.set(endpoint, plus(found.get(endpoint) ?? nothing(), store.rates("caller", key)));
  }
  return found;
}

export function matches(text, ...words) {
  const wanted = text.trim().toLowerCase();
  return !wanted || wanted.split(/\s+/).every(part => words.some(word => String(word ?? "").toLowerCase().includes(part)));
}

// Numbers by size, unknown ones last; texts as people sort them.
export function sorted(rows, valueOf, isDown) {
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  const sign = isDown ? -1 : 1;
  return rows.map((row, i) => [row, valueOf(row), i]).sort(([, a, i], [, b, j]) => {
    if (typeof a === "number" && typeof b === "number") {
      if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b) || i - j;
      return sign * (a - b) || i - j;
    }
    return sign * compare(String(a ?? ""), String(b ?? "")) || i - j;
  }).map(([row]) => row);
}
