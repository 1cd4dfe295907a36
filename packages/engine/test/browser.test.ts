/** The built package in a browser: the same mask, byte for byte, as in Node. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type * as Engine from "../src/index.ts";
import { builtEngine } from "./builtEngine.ts";
import { everyKind, PHEW, variedWeight } from "./plans.ts";

const CHROMIUM = [
  process.env.CHROMIUM_PATH,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path): path is string => path !== undefined && existsSync(path));
const dist = new URL("../dist/", import.meta.url);
const built = existsSync(new URL("index.js", dist));

const MEDIA_TYPES: Readonly<Record<string, string>> = { js: "text/javascript", wasm: "application/wasm" };

/** What the page has of the package. */
interface EngineWindow {
  readonly engine: typeof Engine;
}

const PAGE = `<!doctype html><title>engine</title>
<script type="module">globalThis.engine = await import("/dist/index.js");</script>`;

/** Serves dist/ as /dist/, and a page that loads it. */
async function serve(): Promise<Server> {
  const server = createServer(async (request, response) => {
    const name = /^\/dist\/([\w./-]+\.(?:js|wasm))$/.exec(request.url ?? "")?.[1];
    if (name === undefined) {
      response.writeHead(200, { "content-type": "text/html" }).end(PAGE);
      return;
    }
    const path = fileURLToPath(new URL(name, dist));
    const body = await readFile(path).catch(() => undefined);
    if (body === undefined) response.writeHead(404).end();
    else response.writeHead(200, { "content-type": MEDIA_TYPES[name.split(".").at(-1)!]! }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

const missing = CHROMIUM === undefined ? "no Chromium found" : "dist/index.js is not built";

describe.skipIf(CHROMIUM === undefined || !built)(`in a browser (skipped where ${missing})`, () => {
  let browser: Browser;
  let server: Server;
  let origin: string;

  beforeAll(async () => {
    server = await serve();
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await chromium.launch({
      executablePath: CHROMIUM!,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
  });

  async function openPage(): Promise<{ page: Page; failures: string[] }> {
    const page = await browser.newPage();
    const failures: string[] = [];
    page.on("pageerror", (error) => failures.push(error.message));
    await page.goto(origin);
    await page.waitForFunction(() => "engine" in globalThis);
    return { page, failures };
  }

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  it("finds its wasm by itself, and walks and fills as in Node, to the byte", async () => {
    const plan = everyKind(variedWeight());
    const { page, failures } = await openPage();
    const given = {
      options: PHEW,
      plan: { ...plan, layers: plan.layers.map((layer) => ({ ...layer, weight: [...layer.weight] })) },
    };
    const inBrowser = await page.evaluate(async ({ options, plan }) => {
      const engine = await (globalThis as unknown as EngineWindow).engine.loadWalkEngine();
      const layers = plan.layers.map((layer) => ({ ...layer, weight: Float32Array.from(layer.weight) }));
      const walker = engine.createWalker({ ...plan, layers }, options);
      const progress = walker.advance(80);
      const filled = new Float32Array(1000);
      engine.fillNormal(filled, { seed: 3, stream: 1, standardDeviation: 1 });
      return { progress, mask: [...walker.mask()], filled: [...filled] };
    }, given);
    const engine = builtEngine();
    const walker = engine.createWalker(plan, PHEW);
    const filled = new Float32Array(1000);
    engine.fillNormal(filled, { seed: 3, stream: 1, standardDeviation: 1 });
    expect(inBrowser).toEqual({
      progress: walker.advance(80),
      mask: [...walker.mask()],
      filled: [...filled],
    });
    expect(failures).toEqual([]);
  });

  it("says what to do where there is no file system for the synchronous way", async () => {
    const { page } = await openPage();
    const message = await page.evaluate(() => {
      const { loadWalkEngineSync } = (globalThis as unknown as EngineWindow).engine;
      try {
        loadWalkEngineSync();
        return "loaded";
      } catch (error) {
        return (error as Error).message;
      }
    });
    expect(message).toBe(
      "loadWalkEngineSync: got no bytes, without a file system, expected the bytes of walk.wasm, or the " +
        "compiled module. Fetch walk.wasm and pass its bytes, or use loadWalkEngine.",
    );
  });

  it("loads at once from bytes, and says where walk.wasm is missing", async () => {
    const { page } = await openPage();
    const { keptCount, message } = await page.evaluate(async (base) => {
      const { loadWalkEngine, loadWalkEngineSync } = (globalThis as unknown as EngineWindow).engine;
      const bytes = await (await fetch(`${base}/dist/walk.wasm`)).arrayBuffer();
      const weight = Float32Array.of(1, 2);
      const layer = { name: "fc", weight, outCount: 1, inCount: 2, groups: 1, kernelSize: 1, firstEdge: 0 };
      const way = { fromStart: 0, toStart: 0, spread: 1 };
      const plan = {
        layers: [layer],
        links: [
          { ...way, from: -1, to: 0, count: 2 },
          { ...way, from: 0, to: 1, count: 1 },
        ],
        inputCount: 2,
        outputCount: 1,
        edgeCount: 2,
      };
      const walker = loadWalkEngineSync(bytes).createWalker(plan, {
        seed: 1,
        bias: "magnitude",
        granularity: "weight",
        direction: "alternate",
        branching: "equal",
      });
      const { keptCount } = walker.advance(2);
      const failure = await loadWalkEngine(new URL(`${base}/dist/nowhere.wasm`)).catch(
        (error: Error) => error,
      );
      return { keptCount, message: (failure as Error).message };
    }, origin);
    expect(keptCount).toBe(2);
    expect(message).toMatch(/^walk\.wasm: got 404 .*nowhere\.wasm\), expected the compiled walking engine/);
  });
});
