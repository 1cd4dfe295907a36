#!/usr/bin/env node
try {
  const { main } = await import("../dist/main.js");
  await main(process.argv.slice(2));
} catch (error) {
  // main tells failures itself: this one kept it from being loaded
  const remedy =
    error.code === "EMFILE" ? "Raise the limit (ulimit -n)." : "Build it again: node scripts/setup.mjs";
  process.stderr.write(`phew: cannot be loaded: ${error.message.split("\n")[0]}. ${remedy}\n`);
  process.exitCode = 1;
}
