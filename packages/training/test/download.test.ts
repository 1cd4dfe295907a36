import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { download } from "../src/datasets/download.ts";
import { datasets } from "../src/datasets/registry.ts";

const CONTENT = Buffer.from(Uint8Array.from({ length: 200_000 }, (_, k) => (k * 7 + (k >> 8)) & 255));
const md5 = createHash("md5").update(CONTENT).digest("hex");

let folder = "";
let server: Server;
let asked: (string | undefined)[] = [];
let answer: (request: IncomingMessage, response: ServerResponse, start: number) => void;
let base = "";

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "phew-download-"));
  asked = [];
  server = createServer((request, response) => {
    asked.push(request.headers.range);
    answer(request, response, Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

const fetchIt = (change = {}, options = {}) =>
  download(
    { urls: [`${base}/a.gz`], file: "a.gz", bytes: CONTENT.length, md5, ...change },
    { folder, ...options },
  );

function rest(response: ServerResponse, start: number, end = CONTENT.length): void {
  const headers = {
    "content-range": `bytes ${start}-${CONTENT.length - 1}/${CONTENT.length}`,
    "content-length": CONTENT.length - start,
  };
  response.writeHead(start > 0 ? 206 : 200, start > 0 ? headers : { "content-length": CONTENT.length });
  if (end === CONTENT.length) response.end(CONTENT.subarray(start));
  else response.write(CONTENT.subarray(start, end), () => breakOffBehind(response, start));
}

/** Breaks the connection off once some of what it brought is written. */
async function breakOffBehind(response: ServerResponse, start: number): Promise<void> {
  const size = () => statSync(join(folder, "a.gz.part"), { throwIfNoEntry: false })?.size ?? 0;
  while (size() <= start) await sleep(5);
  response.destroy();
}

const written = () => readFileSync(join(folder, "a.gz"));

const mount = (...args: string[]) => spawnSync("mount", args).status === 0;

describe("download", () => {
  it("calls a read-only file system that, however deep the folder (skipped where none can be mounted)", async ({
    skip,
  }) => {
    const isMounted = mount("-t", "tmpfs", "none", folder) && mount("-o", "remount,ro", folder);
    try {
      if (!isMounted) skip();
      for (const inner of ["a", "a/b/c"])
        await expect(fetchIt({}, { folder: join(folder, inner) })).rejects.toThrow("EROFS");
    } finally {
      if (isMounted) spawnSync("umount", [folder]);
    }
  });

  it("writes the whole file, and finds it there the next time without asking", async () => {
    answer = (_request, response, start) => rest(response, start);
    const seen: number[] = [];
    const progress = (done: number) => seen.push(done);
    expect(await fetchIt({}, { progress })).toEqual({ path: join(folder, "a.gz"), present: false });
    expect(written().equals(CONTENT)).toBe(true);
    expect(seen.at(-1)).toBe(CONTENT.length);
    expect(await fetchIt()).toMatchObject({ present: true });
    expect(asked).toHaveLength(1);
    expect(readdirSync(folder)).toEqual(["a.gz"]);
  });

  it("goes on where the connection broke off, within a call and in a later one", async () => {
    let breaks = 3;
    answer = (_request, response, start) =>
      breaks-- > 0 ? rest(response, start, start + 50_000) : rest(response, start);
    await expect(fetchIt({}, { tries: 2 })).rejects.toThrow(/a\.gz: got .*broke off.*Fetch again to go on/);
    expect(existsSync(join(folder, "a.gz"))).toBe(false);
    await fetchIt();
    expect(written().equals(CONTENT)).toBe(true);
    // what a broken connection still had on its way may be lost: it is asked for again
    expect(asked).toHaveLength(4);
    expect(asked[0]).toBeUndefined();
    for (const range of asked.slice(1)) expect(range).toMatch(/^bytes=[1-9]\d*-$/);
  });

  it("starts anew where the server knows no ranges", async () => {
    writeFileSync(join(folder, "a.gz.part"), CONTENT.subarray(0, 777));
    answer = (_request, response) => rest(response, 0);
    await fetchIt();
    expect(asked).toEqual(["bytes=777-"]);
    expect(written().equals(CONTENT)).toBe(true);
  });

  it("refuses wrong bytes and keeps nothing of them", async () => {
    answer = (_request, response) => response.end(Buffer.alloc(CONTENT.length));
    await expect(fetchIt()).rejects.toThrow(/gave a file with another MD5; expected|another MD5/);
    answer = (_request, response) => response.end(Buffer.alloc(CONTENT.length + 5));
    await expect(fetchIt()).rejects.toThrow(/bytes, not 200000/);
    answer = (_request, response) => {
      response.writeHead(206, { "content-range": "bytes 5-9/10" });
      response.end("12345");
    };
    await expect(fetchIt()).rejects.toThrow(/another part of the file/);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("throws a broken beginning away once its sum is wrong, so that the next call can succeed", async () => {
    writeFileSync(join(folder, "a.gz.part"), Buffer.alloc(1000));
    answer = (_request, response, start) => rest(response, start);
    await expect(fetchIt()).rejects.toThrow(/another MD5/);
    await fetchIt();
    expect(written().equals(CONTENT)).toBe(true);
  });

  it("takes the next address where one answers 404, and tells of all where none does", async () => {
    answer = (request, response, start) => {
      if (request.url === "/a.gz") return rest(response, start);
      response.writeHead(404).end("no");
    };
    await fetchIt({ urls: [`${base}/gone`, `${base}/a.gz`] });
    rmSync(join(folder, "a.gz"));
    await expect(fetchIt({ urls: [`${base}/x`, `${base}/y`] })).rejects.toThrow(
      /x: answered 404 Not Found; .*y: answered 404/,
    );
  });

  it("leaves a file of another content alone", async () => {
    writeFileSync(join(folder, "a.gz"), "mine");
    await expect(fetchIt()).rejects.toThrow(/another content than published.*Move it away/);
    expect(written().toString()).toBe("mine");
  });

  it("stops at the signal, and keeps what has come", async () => {
    const stop = new AbortController();
    answer = (_request, response) => response.write(CONTENT.subarray(0, 10_000));
    const fetching = fetchIt({}, { signal: stop.signal, progress: () => stop.abort(new Error("stopped")) });
    await expect(fetching).rejects.toThrow("stopped");
    expect(existsSync(join(folder, "a.gz"))).toBe(false);
  });
});

it("knows published sums of 32 hex digits for every file that can be fetched", () => {
  const files = datasets.flatMap(({ downloads = [] }) => downloads);
  expect(files.length).toBe(11);
  for (const { md5: sum, bytes, urls } of files) {
    expect(sum).toMatch(/^[0-9a-f]{32}$/);
    expect(bytes).toBeGreaterThan(4000);
    for (const url of urls) expect(() => new URL(url)).not.toThrow();
  }
});
