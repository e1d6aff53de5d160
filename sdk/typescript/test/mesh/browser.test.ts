import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { build } from "esbuild";
import { EXPECTED } from "./story.js";

// No `eval`, and nothing from elsewhere: as strict as a page can be.
const POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'";
const HTML = '<!doctype html><meta charset="utf-8"><script type="module" src="/page.js"></script>';

/** Passes a request on to the mesh, so that page and mesh have one origin. */
function pass(incoming: IncomingMessage, answer: ServerResponse, mesh: string): void {
  const { host, hostname, port } = new URL(mesh);
  const { method, url: path } = incoming;
  const headers = { ...incoming.headers, host };
  const outgoing = request({ hostname, port, method, path, headers }, (response) => {
    answer.writeHead(response.statusCode ?? 502, response.headers);
    response.pipe(answer);
  });
  outgoing.on("error", () => answer.destroy());
  answer.on("close", () => outgoing.destroy());
  incoming.pipe(outgoing);
}

test("the story in a browser, over gRPC-Web", { timeout: 120_000 }, async (context) => {
  const { CHARTLY_URL: mesh = "", CHARTLY_API_KEY: key = "" } = process.env;
  const entry = join(import.meta.dirname, "page.js");
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    platform: "browser",
    format: "esm",
    write: false,
    logLevel: "error",
  });
  const script = outputFiles[0]?.contents;

  let answered: (answer: string) => void = () => {};
  const answer = new Promise<string>((resolve) => {
    answered = resolve;
  });
  const server = createServer(async (incoming, response) => {
    if (incoming.url === "/answer") {
      answered(await text(incoming));
      response.end();
    } else if (incoming.url === "/page.js") response.writeHead(200, { "content-type": "text/javascript" }).end(script);
    else if (incoming.url === "/") {
      response.writeHead(200, { "content-type": "text/html", "content-security-policy": POLICY }).end(HTML);
    } else pass(incoming, response, mesh);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const profile = await mkdtemp(join(tmpdir(), "chartly-browser-"));
  const options = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    `--user-data-dir=${profile}`,
  ];
  const browser = spawn("chromium", [...options, `http://127.0.0.1:${port}/#${key}`], { stdio: "ignore" });
  const gone = new Promise((resolve) => browser.once("close", resolve));
  const failed = gone.then((code) =>
    Promise.reject(new Error(`the browser ended with ${code} before its page had answered`)),
  );
  failed.catch(() => {});
  context.after(async () => {
    browser.kill("SIGKILL");
    await gone;
    server.closeAllConnections();
    server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  });
  assert.deepEqual(JSON.parse(await Promise.race([answer, failed])), EXPECTED);
});
