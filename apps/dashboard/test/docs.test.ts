/** The tables of docs/dashboard.md say what the code says. `vitest run` of this file with `-u` behind it writes them anew. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { KEY_BINDINGS, QUIT_ANSWERS } from "../src/keys.ts";
import { THEME_NAMES, THEMES } from "../src/themes.ts";
import { VIEWS } from "../src/views/registry.ts";

const page = fileURLToPath(new URL("../../../docs/dashboard.md", import.meta.url));

/** The heads of the tables, and the rows they have to have. */
const TABLES: readonly (readonly [head: string, rows: readonly (readonly string[])[]])[] = [
  ["| key | view | what it shows |", VIEWS.map(({ key, name, shows }) => [key, name, shows])],
  ["| key | what it does |", KEY_BINDINGS.map(({ shown, help }) => [shown, help])],
  ["| theme | its colours |", THEME_NAMES.map((name) => [`\`${name}\``, THEMES[name].shows])],
  ["| key | what becomes of the run |", QUIT_ANSWERS.map(({ shown, help }) => [shown, help])],
];

it("the documented views and keys are those there are, in their order and words", async () => {
  let text = readFileSync(page, "utf8");
  for (const [head, rows] of TABLES) {
    const start = text.indexOf(`\n${head}\n`) + 1;
    expect(start, `the table ${head}`).toBeGreaterThan(0);
    const columns = head.split("|").length - 2;
    const table = [head, `|${"---|".repeat(columns)}`, ...rows.map((cells) => `| ${cells.join(" | ")} |`)];
    text = text.slice(0, start) + table.join("\n") + text.slice(text.indexOf("\n\n", start));
  }
  await expect(text).toMatchFileSnapshot(page);
});
