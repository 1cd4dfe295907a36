// Adds the tests of a run to those counted in the file PHEW_TEST_COUNTS, as JSON: { passed, failed, skipped }.
import { readFileSync, writeFileSync } from "node:fs";

class CountReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const file = process.env.PHEW_TEST_COUNTS;
    const counts = JSON.parse(readFileSync(file, "utf8"));
    counts.failed += unhandledErrors.length;
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const state = test.result().state;
        counts[state === "pending" ? "skipped" : state]++;
      }
      // a file that does not load holds no test that could fail
      if (module.errors().length > 0) counts.failed++;
    }
    writeFileSync(file, JSON.stringify(counts));
  }
}

export default CountReporter;
