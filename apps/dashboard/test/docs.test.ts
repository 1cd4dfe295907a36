import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { VIEWS } from "../src/dashboardState.ts";
import { KEY_BINDINGS, QUIT_ANSWERS } from "../src/keys.ts";

const text = readFileSync(new URL("../../../docs/dashboard.md", import.meta.url), "utf8");

/** The cells of the tables of a section, heads left out. */
function rowsOf(section: string): string[][] {
  const body = text.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? "";
  const rows = [...body.matchAll(/^\| (.*) \|$/gm)].map(([, cells = ""]) => cells.split(" | "));
  return rows.filter(([first]) => first !== "key");
}

it("the documented keys are those there are, in their order and words", () => {
  const told = [...KEY_BINDINGS, ...QUIT_ANSWERS].map(({ shown, help }) => [shown, help]);
  expect(rowsOf("Keys")).toEqual(told);
});

it("the documented views are those there are", () => {
  expect(rowsOf("Views").map(([key, name]) => [key, name])).toEqual(VIEWS.map((name, k) => [`${k}`, name]));
});
