// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
// What the daemon has told, put together round by round, and the last minutes of what was counted. The daemon tells an
// item again only when it has changed; where some have gone it tells all of that kind anew (observe/web/live.h).

export const WINDOW_MS = 10000; // over which rates and got shares are taken
const SAMPLE_MS = 900;          // samples of the sparklines are at least so far apart
const SAMPLES = 62;             // a minute
export const LONG_SAMPLES = 900;
const MOST_EVENTS = 1000;

const KEYS = {
  service: item => `${item.namespace}/${item.name}`,
  alias: item => `${item.namespace}/${item.dnsName}:${item.port}/${item.protocol}`,
  endpoint: item => `${item.namespace}/${item.service}/${item.id}/${item.address ?? ""}`,
  task: item => String(item.cgroupId),
  caller: item => [item.namespace, item.client, item.cgroup ?? "", item.aliasAddress ?? "", item.aliasPort ?? "", item.service, item.instance,
    item.address, item.port].join("/"),
  canary: item => `${item.namespace}/${item.client}/${item.dnsName}:${item.port}/${item.protocol}`,
};
export const KINDS = Object.keys(KEYS);

export const failuresOf = counted =>
  (counted.refused ?? 0) + (counted.retransmitted ?? 0) + (counted.resetEarly ?? 0) + (counted.unreachable ?? 0);

// Counts at moments, the latest last.
class Series {
  constructor() {
    this.at = [];
    this.connections = [];
    this.failures = [];
    this.bytes = [];
  }

  add(at, connections, failures, bytes = 0) {
    const all = [this.at, this.connections, this.failures, this.bytes];
    // Less than before was counted anew.
    if (this.at.length && connections < this.connections.at(-1)) for (const values of all) values.length = 0;
    const n = this.at.length;
    if (n > 1 && at - this.at[n - 2] < SAMPLE_MS) for (const values of all) values.pop();
    [at, connections, failures, bytes].forEach((value, i) => all[i].push(value));
    if (this.at.length > SAMPLES) for (const values of all) values.shift();
  }

  // What came in the window: {connections, failures, bytes} a second and `n` connections in all; of one look nothing is known.
  rates() {
    const last = this.at.length - 1;
    let first = last;
    while (first > 0 && this.at[last] - this.at[first - 1] <= WINDOW_MS) first--;
    if (last <= first) return { connections: NaN, failures: NaN, bytes: NaN, n: 0 };
    const seconds = (this.at[last] - this.at[first]) / 1000;
    const n = this.connections[last] - this.connections[first];
    return { connections: n / seconds, failures: (this.failures[last] - this.failures[first]) / seconds,
      bytes: (this.bytes[last] - this.bytes[first]) / seconds, n };
  }

  // Rates from sample to sample, for a sparkline.
  steps() {
    const steps = [];
    for (let i = 1; i < this.at.length; i++) {
      const seconds = (this.at[i] - this.at[i - 1]) / 1000;
      steps.push({
        at: this.at[i],
        connections: (this.connections[i] - this.connections[i - 1]) / seconds,
        failures: (this.failures[i] - this.failures[i - 1]) / seconds,
      });
    }
    return steps;
  }
}

export class Store {
  constructor() {
    this.clear();
  }

  clear() {
    for (const kind of KINDS) this[kind] = new Map();
    this.pending = Object.fromEntries(KINDS.map(kind => [kind, new Map()]));
    this.again = new Set();   // kinds of which all comes with the next round
    this.rebuild = new Set(); // with this one
    this.events = [];
    this.pendingEvents = [];
    this.status = null;
    this.series = { service: new Map(), endpoint: new Map(), caller: new Map() };
    this.long = { at: [], services: new Map() }; // for charts: what was shown, a second apart
    this.rounds = 0;
    this.atMs = 0;
    this.epoch = null;
    this.revision = 0;
  }

  // Another stream begins: it tells everything.
  restart() {
    for (const kind of KINDS) this.pending[kind].clear(), this.rebuild.add(kind);
    this.again.clear();
    this.pendingEvents = [];
  }

  take(kind, item) {
    if (kind === "again") this.again.add(item.kind);
    else if (kind === "status") this.status = item;
    else if (kind === "event") this.pendingEvents.push(item);
    else if (kind === "round") this.endRound(item);
    else this.pending[kind].set(KEYS[kind](item), item);
  }

  endRound(round) {
    if (this.epoch !== null && this.epoch !== round.epoch) {
      // Another daemon's numbers.
      this.events = [];
      this.series = { service: new Map(), endpoint: new Map(), caller: new Map() };
    }
    this.epoch = round.epoch;
    this.atMs = round.atMs;
    this.revision = round.revision;
    this.rounds++;
    for (const kind of KINDS) {
      if (this.rebuild.has(kind)) this[kind] = new Map(this.pending[kind]);
      else for (const [key, item] of this.pending[kind]) this[kind].set(key, item);
      this.pending[kind].clear();
    }
    this.rebuild = this.again;
    this.again = new Set();
    this.takeEvents();
    this.sample("service", item => item.counted);
    this.sample("endpoint", item => item.outcomes && { connections: item.connections, ...item.outcomes });
    this.sample("caller", item => ({ connections: item.connections, ...item.outcomes, bytes: item.bytesSent + item.bytesReceived }));
    this.remember();
  }

  takeEvents() {
    const known = new Map(this.events.map(item => [item.sequence, item]));
    for (const item of this.pendingEvents) known.set(item.sequence, item);
    if (this.pendingEvents.length)
      this.events = [...known.values()].sort((a, b) => b.sequence - a.sequence).slice(0, MOST_EVENTS);
    this.pendingEvents = [];
  }

  sample(kind, countedOf) {
    const series = this.series[kind];
    for (const [key, item] of this[kind]) {
      const counted = countedOf(item);
      if (!counted) continue;
      if (!series.has(key)) series.set(key, new Series());
      series.get(key).add(this.atMs, counted.connections ?? 0, failuresOf(counted), counted.bytes);
    }
    for (const key of series.keys()) if (!this[kind].has(key)) series.delete(key);
  }

  rates(kind, key) {
    return this.series[kind].get(key)?.rates() ?? { connections: NaN, failures: NaN, bytes: NaN, n: 0 };
  }

  // What charts draw: of each service its rates, and of each alias the shares of its targets.
  remember() {
    const long = this.long;
    if (long.at.length && this.atMs - long.at.at(-1).ms < SAMPLE_MS) return;
    const shares = new Map();
    for (const [key, alias] of this.alias) if (alias.targets.length > 1) shares.set(key, this.sharesOf(alias));
    const rates = new Map();
    for (const key of this.service.keys()) {
      const { connections, failures } = this.series.service.get(key)?.steps().at(-1) ?? {};
      if (connections) rates.set(key, { connections, failures });
    }
    long.at.push({ ms: this.atMs, wall: Date.now() / 1000, rates, shares });
    if (long.at.length > LONG_SAMPLES) long.at.shift();
  }

  // [{service, wanted, effective, got}] in percent; got is NaN while nothing came.
  sharesOf(alias) {
    const counts = alias.targets.map(target => this.rates("service", `${alias.namespace}/${target.service}`).n);
    const sum = counts.reduce((a, b) => a + b, 0);
    return alias.targets.map((target, i) => ({
      service: target.service,
      wanted: target.wantedPercent,
      effective: target.effectivePercent,
      got: sum > 0 ? 100 * counts[i] / sum : NaN,
    }));
  }
}
