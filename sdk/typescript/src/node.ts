/** The package in Node: gRPC over HTTP/2. */

import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
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
  const transport = createGrpcTransport({ baseUrl: url, sessionManager, interceptors: [severed] });
  return new Chartly(new Calls(transport, grpcUploads(transport), secret.trim()), () => sessionManager.abort());
}

/** Says UNAVAILABLE, as gRPC does, where the connection broke: Connect calls that CANCELLED or ABORTED, as if somebody had wished it. */
const severed: Interceptor = (next) => async (request) => {
  const named = (error: unknown) => (!request.signal.aborted && isBreak(error) ? unavailable(error) : error);
  async function* guarded<T>(messages: AsyncIterable<T>): AsyncGenerator<T> {
    try {
      yield* messages;
    } catch (error) {
      throw named(error);
    }
  }
  try {
    const response = await next(request);
    return response.stream ? { ...response, message: guarded(response.message) } : response;
  } catch (error) {
    throw named(error);
  }
};

function isBreak(error: unknown): error is ConnectError {
  if (!(error instanceof ConnectError)) return false;
  if (error.code === Code.Canceled) return error.rawMessage.startsWith("http/2 stream closed");
  return error.code === Code.Aborted && error.cause instanceof Error;
}

function unavailable(error: ConnectError): ConnectError {
  const message = `the connection broke: ${error.rawMessage}`;
  return new ConnectError(message, Code.Unavailable, error.metadata, undefined, error);
}
