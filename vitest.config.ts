import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: ["packages/*", "apps/*"],
    // one more than the cores of a small machine: many tests wait for child processes, terminals and clocks
    maxWorkers: 3,
  },
});
