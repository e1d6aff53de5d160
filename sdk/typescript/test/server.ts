/** A real gRPC server on a free port, whose methods do what a test says. */

import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { type Chartly, createChartly } from "../src/node.js";

/** A server and a client of it. */
export interface Served extends AsyncDisposable {
  client: Chartly;
  /** Breaks every connection. */
  sever(): void;
}

/** Serves the routes until it is disposed. */
export async function serve(routes: (router: ConnectRouter) => void): Promise<Served> {
  const server: Http2Server = createServer(connectNodeAdapter({ routes }));
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => sessions.add(session));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const client = createChartly({ url: `http://127.0.0.1:${port}`, apiKey: "chk_test" });
  const sever = () => {
    for (const session of sessions) session.destroy();
  };
  const dispose = async () => {
    client.close();
    sever();
    await new Promise((resolve) => server.close(resolve));
  };
  return { client, sever, [Symbol.asyncDispose]: dispose };
}

/** Throws UNAVAILABLE the first `times` times that it is called, and keeps the headers of every call. */
export class Flaky {
  readonly headers: Headers[] = [];

  constructor(
    private readonly times: number,
    private readonly trailers: Record<string, string> = {},
  ) {}

  call(context: HandlerContext): void {
    this.headers.push(context.requestHeader);
    if (this.headers.length <= this.times) throw new ConnectError("away", Code.Unavailable, this.trailers);
  }
}
