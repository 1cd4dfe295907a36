/** The environments of runs: a column for each environment, a row for each of its properties. */
import { counted, formatMegabytes } from "@phew/core/messages";
import { canonicalJson, type RunEnvironment } from "@phew/runs";
import { htmlTable } from "../table.ts";

const ROWS: readonly (readonly [string, (environment: RunEnvironment) => unknown])[] = [
  ["PHEW", ({ version }) => version],
  ["commit", ({ commit, modified }) => commit && `${commit}${modified ? ", modified" : ""}`],
  ["Node.js", ({ node }) => node],
  ["V8", ({ v8 }) => v8],
  [
    "system",
    ({ platform, release, architecture }) => [platform, release, architecture].filter(Boolean).join(" "),
  ],
  ["processor", ({ cpu }) => cpu],
  ["cores", ({ coreCount }) => coreCount],
  [
    "memory",
    ({ memoryBytes }) => (typeof memoryBytes === "number" ? formatMegabytes(memoryBytes) : undefined),
  ],
  ["threads of a run", ({ threadCount }) => threadCount ?? "one for each core"],
];

/** @param environments of each run: where it began, and where it was resumed */
export function environmentSection(environments: readonly (readonly RunEnvironment[])[]) {
  const found = new Map<string, { readonly environment: RunEnvironment; count: number }>();
  for (const environment of environments.flat()) {
    const key = canonicalJson(ROWS.map(([, value]) => `${value(environment)}`));
    const before = found.get(key);
    if (before) before.count++;
    else found.set(key, { environment, count: 1 });
  }
  const all = [...found.values()];
  const columns = [
    { key: "what", title: "" },
    ...all.map(({ count }, k) => ({ key: `${k}`, title: counted(count, "run") })),
  ];
  const rows = ROWS.map(([what, value]) => ({
    what,
    ...Object.fromEntries(all.map(({ environment }, k) => [`${k}`, textOf(value(environment))])),
  }));
  return {
    id: "environment",
    title: "Environment",
    html: all.length === 0 ? "" : `<div class="settings">${htmlTable(columns, rows)}</div>`,
  };
}

/** The file may hold anything. */
function textOf(value: unknown): string | undefined {
  return value === undefined ? undefined : typeof value === "object" ? JSON.stringify(value) : `${value}`;
}
