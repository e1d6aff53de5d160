/** Answers that are files, and rows out of the lines in which they arrive. */

import type { HttpBody } from "../gen/google/api/httpbody_pb.js";
import { ChartlyError, chartlyError, statusError } from "./errors.js";

/** A file, as it arrives. It can be read once: by a loop over its chunks, as bytes, or as text. */
export class Body implements AsyncIterable<Uint8Array> {
  private constructor(
    /** Media type, as in `text/csv; charset=utf-8`. */
    readonly mediaType: string,
    private readonly chunks: AsyncIterable<Uint8Array>,
  ) {}

  /** Returns the body whose first message is there. */
  static async open(bodies: AsyncIterable<HttpBody>): Promise<Body> {
    const iterator = bodies[Symbol.asyncIterator]();
    const first = await iterator.next();
    if (first.done) return new Body("", nothing());
    return new Body(first.value.contentType, chunks(first.value, iterator));
  }

  /** Returns the body that one message holds. */
  static of(body: HttpBody): Body {
    return new Body(body.contentType, chunks(body));
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this.chunks[Symbol.asyncIterator]();
  }

  /** Returns all of it. */
  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    const parts: BlobPart[] = [];
    for await (const chunk of this.chunks) parts.push(chunk as Uint8Array<ArrayBuffer>);
    return new Uint8Array(await new Blob(parts).arrayBuffer());
  }

  /** Returns all of it, which is UTF-8. */
  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }
}

/** A row of a dataset. An integer beyond ±2^53, a decimal, a date and a timestamp are strings. */
export interface Row {
  record_id: string;
  run_id: string;
  observed_at: string;
  dims: Record<string, unknown>;
  measures: Record<string, unknown>;
}

/**
 * Yields the rows of an NDJSON body up to its end marker.
 *
 * @throws ChartlyError what broke the stream off, or DATA_LOSS where it ends without a marker
 */
export async function* rows(body: AsyncIterable<Uint8Array>, requestId: string): AsyncGenerator<Row, void, undefined> {
  for await (const line of lines(body)) {
    const row = JSON.parse(line);
    if ("end" in row) return;
    if ("error" in row) throw chartlyError(statusError(row.error), requestId);
    yield row;
  }
  throw new ChartlyError("the rows end without a marker, so some are missing; read again", "DATA_LOSS", { requestId });
}

async function* lines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}

async function* chunks(first: HttpBody, rest?: AsyncIterator<HttpBody>): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    if (first.data.length) yield first.data;
    for (let body = await rest?.next(); body && !body.done; body = await rest?.next()) yield body.value.data;
  } finally {
    await rest?.return?.();
  }
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}
