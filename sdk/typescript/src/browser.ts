/** The package in browsers, and wherever else there is `fetch`: gRPC-Web, and REST for uploads. */

import { Code, ConnectError } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { Calls } from "./calls.js";
import { Chartly, DEFAULT_URL, type Options } from "./chartly.js";
import { restUploads } from "./uploads.js";

export * from "./exports.js";

/** Where the mesh is, and who calls. */
export interface BrowserOptions extends Options {
  /** Instead of the global `fetch`. */
  fetch?: typeof globalThis.fetch;
}

/** Returns a client of the mesh at `url`, by default at the page's own origin. */
export function createChartly(options: BrowserOptions = {}): Chartly {
  const origin = globalThis.location?.origin;
  const url = (options.url || origin || DEFAULT_URL).replace(/\/$/, "");
  const fetch = reachable(options.fetch ?? globalThis.fetch.bind(globalThis));
  const transport = createGrpcWebTransport({ baseUrl: url, fetch });
  return new Chartly(new Calls(transport, restUploads(url, fetch), options.apiKey || options.token || ""));
}

/** Says UNAVAILABLE, as gRPC does, where `fetch` says only that it failed. */
function reachable(fetch: typeof globalThis.fetch): typeof globalThis.fetch {
  return async (input, init) => {
    try {
      return await fetch(input, init);
    } catch (error) {
      if (init?.signal?.aborted) throw error;
      throw new ConnectError(
        `the mesh does not answer: ${String(error)}`,
        Code.Unavailable,
        undefined,
        undefined,
        error,
      );
    }
  };
}
