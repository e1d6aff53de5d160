/** Profiles, and documents on their way to the mesh. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ProfileSchema } from "../../gen/chartly/api/profile/v1/profile_pb.js";
import {
  type ListProfilesRequestSchema,
  type ListRevisionsRequestSchema,
  RegistryService,
  type Revision,
  type ValidateProfileResponse,
} from "../../gen/chartly/api/registry/v1/registry_pb.js";
import { Body } from "../bodies.js";
import { type Calls, randomId } from "../calls.js";
import type { CallOptions } from "../policy.js";

/** A document as its author wrote it. */
export interface Text {
  text: string;
  /** Media type; `application/yaml` by default, which JSON is too. */
  mediaType?: string;
}

/** How to save a document. */
export interface SaveOptions extends CallOptions {
  /** Name of the request; the same name again answers the first result, and one call takes effect once. */
  requestId?: string;
}

const { method } = RegistryService;

/** Profiles: what to fetch, and what its records become. */
export class Profiles {
  constructor(private readonly calls: Calls) {}

  /** Creates a profile as its first revision. */
  async create(profile: Text | MessageInitShape<typeof ProfileSchema>, options: SaveOptions = {}): Promise<Revision> {
    const request = { document: documentOf(profile, "profile"), requestId: options.requestId || randomId() };
    return present(await this.calls.unary(method.createProfile, request, options), "revision");
  }

  /** Adds a revision. `baseRevision` is the number of the one that was edited; another in between is refused. */
  async update(
    profileId: string,
    profile: Text | MessageInitShape<typeof ProfileSchema>,
    options: SaveOptions & { baseRevision?: bigint } = {},
  ): Promise<Revision> {
    const { requestId, baseRevision = 0n } = options;
    const document = documentOf(profile, "profile");
    const request = { profileId, document, baseRevision, requestId: requestId || randomId() };
    return present(await this.calls.unary(method.updateProfile, request, options), "revision");
  }

  /** Answers the latest revision. */
  async get(profileId: string, options?: CallOptions): Promise<Revision> {
    return present(await this.calls.unary(method.getProfile, { profileId }, options), "revision");
  }

  /** Lists profiles by name, each as its latest revision without the document. */
  list(
    request: MessageInitShape<typeof ListProfilesRequestSchema> = {},
    options?: CallOptions,
  ): AsyncGenerator<Revision> {
    return this.calls.pages(method.listProfiles, request, (page) => page.profiles, options);
  }

  /** Deletes a profile; its revisions and its dataset stay. */
  async delete(profileId: string, options?: CallOptions): Promise<void> {
    await this.calls.unary(method.deleteProfile, { profileId }, options);
  }

  /** Lists the revisions of a profile, newest first. */
  revisions(
    request: MessageInitShape<typeof ListRevisionsRequestSchema>,
    options?: CallOptions,
  ): AsyncGenerator<Revision> {
    return this.calls.pages(method.listRevisions, request, (page) => page.revisions, options);
  }

  /** Answers one revision, by its version or its number. */
  async revision(profileId: string, version: string, options?: CallOptions): Promise<Revision> {
    return present(await this.calls.unary(method.getRevision, { profileId, version }, options), "revision");
  }

  /** Says all that is wrong with a profile, and what would change. Saves nothing. */
  validate(
    profile: Text | MessageInitShape<typeof ProfileSchema>,
    options?: CallOptions,
  ): Promise<ValidateProfileResponse> {
    return this.calls.unary(method.validateProfile, { document: documentOf(profile, "profile") }, options);
  }

  /** Answers the contract that the records meet, as `json_schema`, `odcs`, `avro` or `proto`. */
  async contract(profileId: string, format = "json_schema", options?: CallOptions): Promise<Body> {
    return Body.of(await this.calls.unary(method.getOutputContract, { profileId, format }, options));
  }
}

/** Returns the member of a request that holds a document: as it was written, or as a message under its own name. */
export function documentOf<Name extends string, Message extends object>(document: Text | Message, name: Name) {
  if (!isText(document)) return { case: name, value: document };
  return { case: "body" as const, value: httpBody(document) };
}

/** Returns the body that holds a text. */
export function httpBody({ text, mediaType = "application/yaml" }: Text) {
  return { contentType: mediaType, data: new TextEncoder().encode(text) };
}

/** Returns the one member of an answer. */
export function present<T extends object, K extends keyof T>(answer: T, name: K): NonNullable<T[K]> {
  const value = answer[name];
  if (value === undefined || value === null) throw new Error(`the answer has no ${String(name)}`);
  return value;
}

function isText(document: object): document is Text {
  return "text" in document && typeof document.text === "string";
}
