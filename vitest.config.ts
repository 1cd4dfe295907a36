import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: ["packages/*", "apps/*"],
    testTimeout: 60_000,
    // vitest leaves one core to itself; many tests wait for child processes
    maxWorkers: 2,
  },
});
