import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: ["packages/*", "apps/*"],
    // vitest leaves one core to itself; many tests wait for child processes
    maxWorkers: 2,
  },
});
