// Makes the compiled dashboard a file with all it loads at once, and files of what it loads later: hundreds of small files, most of them
// Ink's, took longer to load than everything that follows until the first frame. Without it they work, and start slower.
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const dist = fileURLToPath(new URL("dist/", import.meta.url));

await build({
  input: { watch: `${dist}watch.js` },
  platform: "node",
  // figures are drawn by the reports alone; the developer tools are none of ours
  external: ["vega", "vega-lite", "@resvg/resvg-js", "react-devtools-core"],
  transform: { define: { "process.env.NODE_ENV": JSON.stringify("production") } },
  // names stay as they are, for who reads the trace of an error
  output: { dir: dist, format: "esm", minify: { mangle: false }, chunkFileNames: "bundle/[name].js" },
});
