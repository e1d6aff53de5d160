/** The package in Node: gRPC over HTTP/2. */

import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { Calls } from "./calls.js";
import { Chartly, DEFAULT_URL, type Options } from "./chartly.js";
import { grpcUploads } from "./uploads.js";

export * from "./exports.js";

/** Returns a client of the mesh at `url`; url and key are by default those of CHARTLY_URL and CHARTLY_API_KEY. */
export function createChartly(options: Options = {}): Chartly {
  const { CHARTLY_URL, CHARTLY_API_KEY } = process.env;
  const url = (options.url || CHARTLY_URL || DEFAULT_URL).replace(/\/$/, "");
  const secret = options.apiKey ?? options.token ?? CHARTLY_API_KEY ?? "";
  const sessionManager = new Http2SessionManager(url);
  const transport = createGrpcTransport({ baseUrl: url, sessionManager });
  return new Chartly(new Calls(transport, grpcUploads(transport), secret.trim()), () => sessionManager.abort());
}
