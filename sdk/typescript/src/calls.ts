/** Calls of the mesh's methods as one caller: key, request id, deadline, retries, and errors as `ChartlyError`. */

import {
  create,
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import { chartlyError } from "./errors.js";
import { type CallOptions, policyOf, stoppable, until, withRetries } from "./policy.js";
import type { Upload, UploadMethod } from "./uploads.js";

/** A page of a list. */
type Page = { nextPageToken: string };
type Paged<I extends DescMessage> = MessageInitShape<I> & { pageToken?: string };

/** How uploads travel: as a stream over gRPC, or as a body over REST where there are no such streams. */
export type Uploads = <I extends DescMessage, O extends DescMessage>(
  method: UploadMethod<I, O>,
  upload: Upload,
  header: Headers,
  options: CallOptions,
) => Promise<MessageShape<O>>;

// Connect stops the clock of a deadline only in a next step of the answers, which does not come when the loop is left.
const NO_TIMEOUT = 0;

/** Makes calls. Also for methods that no resource has: `client.calls.unary(SomeService.method.some, {…})`. */
export class Calls {
  constructor(
    private readonly transport: Transport,
    private readonly uploads: Uploads,
    private readonly secret: string,
  ) {}

  /** Calls a method with one answer. */
  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    input: MessageInitShape<I>,
    options: CallOptions = {},
  ): Promise<MessageShape<O>> {
    return this.attempt(options, async (header) => {
      const response = await withRetries(policyOf(method), options, (timeoutMs) =>
        this.transport.unary(method, options.signal, timeoutMs, header, input),
      );
      return response.message;
    });
  }

  /** Calls a method that streams its answers. Leaving the loop ends the call. */
  async *stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    input: MessageInitShape<I>,
    options: CallOptions = {},
  ): AsyncGenerator<MessageShape<O>, void, undefined> {
    const header = this.header(options);
    const policy = policyOf(method);
    // Ends with its caller's signal, with its deadline, or when the loop is left.
    const { call, end } = stoppable(options.signal, options.timeoutMs ?? policy.timeoutMs);
    try {
      // Answers that have begun to arrive are not repeated, so the first belongs to the attempt.
      const [answers, first] = await withRetries(policy, { ...options, signal: call }, async (timeoutMs) => {
        header.set("grpc-timeout", `${timeoutMs}m`);
        const sent = this.transport.stream(method, call, NO_TIMEOUT, header, only(method.input, input));
        const iterator = (await until(call, sent)).message[Symbol.asyncIterator]();
        return [iterator, await until(call, iterator.next())] as const;
      });
      for (let answer = first; !answer.done; answer = await until(call, answers.next())) yield answer.value;
    } catch (error) {
      throw chartlyError(error, requestIdOf(header));
    } finally {
      end();
    }
  }

  /** Lists all items, page by page. */
  async *pages<I extends DescMessage, O extends DescMessage, T>(
    method: DescMethodUnary<I, O>,
    input: Paged<I>,
    items: (page: MessageShape<O>) => T[],
    options: CallOptions = {},
  ): AsyncGenerator<T, void, undefined> {
    let pageToken = input.pageToken ?? "";
    do {
      const page = await this.unary(method, { ...input, pageToken } as MessageInitShape<I>, options);
      yield* items(page);
      pageToken = (page as unknown as Page).nextPageToken;
    } while (pageToken);
  }

  /** Sends bytes to a method that takes a stream of them. */
  async upload<I extends DescMessage, O extends DescMessage>(
    method: UploadMethod<I, O>,
    upload: Upload,
    options: CallOptions = {},
  ): Promise<MessageShape<O>> {
    return this.attempt(options, (header) => this.uploads(method, upload, header, options));
  }

  private async attempt<T>(options: CallOptions, call: (header: Headers) => Promise<T>): Promise<T> {
    const header = this.header(options);
    try {
      return await call(header);
    } catch (error) {
      throw chartlyError(error, requestIdOf(header));
    }
  }

  private header(options: CallOptions): Headers {
    const header = identified(options.headers);
    if (this.secret) header.set("authorization", `Bearer ${this.secret}`);
    return header;
  }
}

/** Returns the headers with an `x-request-id`. */
export function identified(headers: HeadersInit | undefined): Headers {
  const header = new Headers(headers);
  if (!header.has("x-request-id")) header.set("x-request-id", randomId());
  return header;
}

/** Returns 32 random hexadecimal digits; `crypto.randomUUID` is not there on plain http. */
export function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Returns the `x-request-id` among the headers. */
export function requestIdOf(header: Headers): string {
  return header.get("x-request-id") ?? "";
}

async function* only<I extends DescMessage>(schema: I, input: MessageInitShape<I>): AsyncGenerator<MessageShape<I>> {
  yield create(schema, input);
}
