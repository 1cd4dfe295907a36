#!/usr/bin/env node
import { existsSync } from "node:fs";

try {
  // traces name the sources; reading the maps takes a while
  if (process.env.PHEW_DEBUG) process.setSourceMapsEnabled(true);
  const bundle = new URL("../dist/bundle/main.js", import.meta.url);
  const { main } = await import(existsSync(bundle) ? bundle.href : "../dist/main.js");
  await main(process.argv.slice(2));
} catch (error) {
  // main tells failures itself: this one kept it from being loaded
  const remedy =
    error.code === "EMFILE" ? "Raise the limit (ulimit -n)." : "Build it again: node scripts/setup.mjs";
  process.stderr.write(`phew: cannot be loaded: ${error.message.split("\n")[0]}. ${remedy}\n`);
  process.exitCode = 1;
}
