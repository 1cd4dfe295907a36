import { defineConfig, type ViteUserConfig } from "vitest/config";
import { isLong } from "./vitest.long.ts";

/**
 * Tests run what was built, as Node, threads and processes load it: a test names a source for its types
 * (`../src/prune.ts`), and is given the build of it (`../dist/prune.js`).
 */
export function workspaceProject(name: string): ViteUserConfig {
  // what hangs is ended, what is slow is not; the long tests (npm run test:long) take minutes each
  const testTimeout = isLong ? 3_600_000 : 300_000;
  return defineConfig({
    resolve: { alias: [{ find: /^(\.\.\/(?:.*\/)?)src\/(.*)\.tsx?$/, replacement: "$1dist/$2.js" }] },
    test: {
      name,
      include: ["test/**/*.test.{ts,tsx}"],
      // files of one worker share loaded modules, as they do in a program: a fifth of the suite's time was loading
      isolate: false,
      // what Python computes beside the tests is too small for threads
      env: { OMP_NUM_THREADS: "1" },
      testTimeout,
      hookTimeout: testTimeout,
      server: { deps: { external: [/\/dist\//] } },
    },
  });
}
