/** Bytes on their way into the mesh: over gRPC in messages, over REST as one body. */

import {
  type DescMessage,
  type DescMethod,
  type DescMethodClientStreaming,
  fromJson,
  getOption,
  type JsonValue,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { http } from "../gen/google/api/annotations_pb.js";
import type { Uploads } from "./calls.js";
import { statusError } from "./errors.js";
import { type MethodPolicy, policyOf, stoppable, until, withRetries } from "./policy.js";

/** Bytes to send. Those of a stream are sent once: a call that fails on the way is not repeated. */
export type Source = string | Uint8Array<ArrayBuffer> | Blob | AsyncIterable<Uint8Array<ArrayBuffer>>;

/** A method that takes bytes in many messages. */
export type UploadMethod<I extends DescMessage, O extends DescMessage> = DescMethodClientStreaming<I, O>;

/** What to send. */
export interface Upload {
  mediaType: string;
  source: Source;
  /** Fields of the first message beside the body. */
  fields: Record<string, string>;
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
    const { target, answer } = route(method, upload.fields, url);
    header.set("content-type", upload.mediaType);
    const body = await whole(upload.source);
    return withRetries(policyOf(method), options, async (timeoutMs) => {
      const { call, end } = stoppable(options.signal, timeoutMs);
      const send = async () => {
        const response = await fetch(target, { method: "POST", headers: header, body, signal: call });
        return { response, json: parsed(await response.text()) };
      };
      const sent = send().catch((error) => {
        throw new ConnectError(String(error), Code.Unavailable, undefined, undefined, error);
      });
      const { response, json } = await until(call, sent).finally(end);
      if (json === undefined) throw foreign(response);
      if (!response.ok) throw statusError(json, response.headers);
      return fromJson(method.output, { [answer]: json }, { ignoreUnknownFields: true });
    });
  };
}

/** Returns where REST takes the call, as the contract says: fields go into the path, or else into the query. */
function route(method: DescMethod, fields: Record<string, string>, url: string): { target: URL; answer: string } {
  const { pattern, responseBody } = getOption(method, http);
  let path = pattern.case === "post" ? pattern.value : "";
  const query = new URLSearchParams();
  for (const { name, localName } of method.input.fields) {
    const value = fields[localName];
    if (path.includes(`{${name}}`)) path = path.replace(`{${name}}`, encodeURIComponent(value ?? ""));
    else if (value) query.set(name, value);
  }
  return { target: new URL(`${url}${path}?${query}`), answer: responseBody };
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

function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Returns the error for an answer that is not the mesh's, but of something before it. */
function foreign({ status, url }: Response): ConnectError {
  const isAway = [429, 502, 503, 504].includes(status);
  return new ConnectError(`${url} answers HTTP ${status} without JSON`, isAway ? Code.Unavailable : Code.Unknown);
}
