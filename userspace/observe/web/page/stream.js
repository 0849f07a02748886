// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
// The live stream of the daemon, for what is on the screen. Nothing is read while nobody sees the page.

import { KINDS } from "./store.js";

export class Stream {
  // `changed` is called after each round and when the state is another: "live", "waiting", "lost".
  constructor(store, changed) {
    this.store = store;
    this.changed = changed;
    this.state = "waiting";
    this.query = null;
    document.addEventListener("visibilitychange", () => this.reopen());
  }

  // {namespace, service, all, tasks, callers}: whose endpoints, and whether tasks and who calls whom.
  want(parameters) {
    const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value)).toString();
    if (query === this.query) return;
    this.query = query;
    this.reopen();
  }

  reopen() {
    this.close();
    if (document.hidden || this.query === null) return;
    const source = new EventSource(`/live?${this.query}`);
    this.source = source;
    this.store.restart();
    for (const kind of [...KINDS, "again", "event", "status", "round"])
      source.addEventListener(kind, message => {
        this.store.take(kind, JSON.parse(message.data));
        if (kind === "round") this.tell("live");
      });
    source.onopen = () => this.store.restart();
    source.onerror = () => {
      this.tell("lost");
      if (source.readyState !== EventSource.CLOSED) return; // it tries again by itself
      this.close();
      this.timer = setTimeout(() => this.reopen(), 3000);
    };
  }

  close() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  tell(state) {
    this.state = state;
    this.changed();
  }
}
