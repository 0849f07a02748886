// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
// The tasks of this host.

import { html } from "./vendor/preact.js";
import { matches } from "./model.js";
import { whole } from "./format.js";
import { State, linkTo } from "./link.js";
import { Table } from "./table.js";

export function Tasks({ store, search }) {
  const all = [...store.task.values()];
  const rows = all.filter(task => matches(search, task.cgroup, task.service, task.namespace, task.container, task.state));
  const hasContainers = all.some(task => task.container);
  const columns = [
    { id: "service", title: "Service", value: task => task.service, cell: task =>
      task.service ? html`<a href=${linkTo("service", task.namespace, task.service)}>${task.service}</a>` : html`<span class="zero">–</span>` },
    { id: "namespace", title: "Namespace", value: task => task.namespace, cell: task => task.namespace },
    ...(hasContainers ? [{ id: "container", title: "Container", value: task => task.container, cell: task => task.container }] : []),
    { id: "processes", title: "Processes", isNumber: true, value: task => task.processes, cell: task => whole(task.processes) },
    { id: "state", title: "State", value: task => task.state,
      cell: task => html`<${State} mood=${task.state === "attached" ? "ok" : "bad"}>${task.state}<//>` },
    { id: "cgroup", title: "Cgroup", isWide: true, value: task => task.cgroup, cell: task => html`<code title=${task.cgroup}>${task.cgroup}</code>` },
  ];
  return html`<${Table} name="tasks" columns=${columns} rows=${rows} keyOf=${task => String(task.cgroupId)} first=${{ by: "service", isDown: false }}
    empty=${all.length ? "No task matches the search." : "No task is attached: svcconnect attach, svcconnect run, or a container's label."} />`;
}
