/** Bytes on their way into the mesh: over gRPC in messages, over REST as one body. */

import {
  type DescMessage,
  type DescMethodClientStreaming,
  fromJson,
  type JsonValue,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import type { Uploads } from "./calls.js";
import { statusError } from "./errors.js";
import { type MethodPolicy, policyOf, withRetries } from "./policy.js";

/** Bytes to send. Those of a stream are sent once: a call that fails on the way is not repeated. */
export type Source = string | Uint8Array<ArrayBuffer> | Blob | AsyncIterable<Uint8Array<ArrayBuffer>>;

/** A method that takes bytes in many messages. */
export type UploadMethod<I extends DescMessage, O extends DescMessage> = DescMethodClientStreaming<I, O>;

/** What to send, and where REST takes it. */
export interface Upload {
  mediaType: string;
  source: Source;
  /** Fields of the first message beside the body. */
  fields: Record<string, string>;
  /** Path of the route, and its query by the names of the proto. */
  path: string;
  query: Record<string, string>;
  /** Name of the field that the route answers. */
  answer: string;
}

const CHUNK_BYTES = 1 << 20;

/** Uploads as streams of messages. */
export function grpcUploads(transport: Transport): Uploads {
  return async (method, upload, header, options) => {
    return withRetries(repeatable(policyOf(method), upload.source), options, async (timeoutMs) => {
      const sent = messages(upload) as AsyncGenerator<MessageInitShape<typeof method.input>>;
      const response = await transport.stream(method, options.signal, timeoutMs, header, sent);
      let answer: MessageShape<typeof method.output> | undefined;
      for await (const message of response.message) answer = message;
      if (answer === undefined) throw new ConnectError("the upload was not answered", Code.Internal);
      return answer;
    });
  };
}

/** Uploads as bodies of REST calls: browsers cannot stream a request over gRPC-Web. */
export function restUploads(url: string, fetch: typeof globalThis.fetch): Uploads {
  return async (method, upload, header, options) => {
    const target = new URL(upload.path.slice(1), `${url}/`);
    for (const [name, value] of Object.entries(upload.query)) if (value) target.searchParams.set(name, value);
    header.set("content-type", upload.mediaType);
    const body = await whole(upload.source);
    return withRetries(policyOf(method), options, async (timeoutMs) => {
      const timeout = AbortSignal.timeout(timeoutMs);
      const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
      const call = async () => {
        const response = await fetch(target, { method: "POST", headers: header, body, signal });
        return { response, json: (await response.json()) as JsonValue };
      };
      const { response, json } = await call().catch((error) => {
        if (timeout.aborted) throw new ConnectError("the call took too long", Code.DeadlineExceeded);
        if (signal.aborted) throw new ConnectError("the call was cancelled", Code.Canceled);
        throw new ConnectError(String(error), Code.Unavailable, undefined, undefined, error);
      });
      if (!response.ok) throw statusError(json, response.headers);
      return fromJson(method.output, { [upload.answer]: json }, { ignoreUnknownFields: true });
    });
  };
}

function repeatable(policy: MethodPolicy, source: Source): MethodPolicy {
  const isStream = typeof source !== "string" && Symbol.asyncIterator in source;
  return isStream ? { timeoutMs: policy.timeoutMs } : policy;
}

/** Yields the messages of an upload, the first with everything but more bytes. */
async function* messages({ source, mediaType, fields }: Upload): AsyncGenerator<object> {
  let isFirst = true;
  for await (const data of chunks(source)) {
    yield isFirst ? { ...fields, body: { contentType: mediaType, data } } : { body: { data } };
    isFirst = false;
  }
  if (isFirst) yield { ...fields, body: { contentType: mediaType } };
}

async function* chunks(source: Source): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (source instanceof Blob) {
    for (let start = 0; start < source.size; start += CHUNK_BYTES) {
      yield new Uint8Array(await source.slice(start, start + CHUNK_BYTES).arrayBuffer());
    }
  } else if (typeof source === "string" || source instanceof Uint8Array) {
    yield* pieces(typeof source === "string" ? new TextEncoder().encode(source) : source);
  } else {
    for await (const piece of source) yield* pieces(piece);
  }
}

function* pieces(bytes: Uint8Array<ArrayBuffer>): Generator<Uint8Array<ArrayBuffer>> {
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) yield bytes.subarray(start, start + CHUNK_BYTES);
}

async function whole(source: Source): Promise<Blob> {
  if (source instanceof Blob) return source;
  const parts: BlobPart[] = [];
  for await (const piece of chunks(source)) parts.push(piece);
  return new Blob(parts);
}
