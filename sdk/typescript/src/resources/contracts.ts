/** Contracts that users bring. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  CompatibilityMode,
  CompatibilityReport,
  Contract,
  ContractDocumentSchema,
  ContractRevision,
} from "../../gen/chartly/api/registry/v1/contract_pb.js";
import {
  type ContractUpdateSchema,
  type ListContractRevisionsRequestSchema,
  type ListContractsRequestSchema,
  RegistryService,
} from "../../gen/chartly/api/registry/v1/registry_pb.js";
import { Body } from "../bodies.js";
import { type Calls, randomId } from "../calls.js";
import type { CallOptions } from "../policy.js";
import { type Problem, parseJson, Validator } from "../schema.js";
import { httpBody, present, type SaveOptions, type Text } from "./profiles.js";

/** A contract as its author wrote it: one file as text, or files. */
export type ContractSource = Text | MessageInitShape<typeof ContractDocumentSchema>;

const { method } = RegistryService;

/** Contracts: what records or messages have to look like. */
export class Contracts {
  constructor(private readonly calls: Calls) {}

  /**
   * Saves a document as the next revision of a contract, and as its first where there is none of that name.
   * References are those of a text, as in `common/v1/money.proto=money@1.2`.
   */
  async create(
    contractId: string,
    document: ContractSource,
    options: SaveOptions & { version?: string; references?: string[]; compatibility?: CompatibilityMode } = {},
  ): Promise<ContractRevision> {
    const { version = "", references = [], compatibility = 0 } = options;
    const [source, requestId] = [sourceOf(document), options.requestId || randomId()];
    const request = { contractId, version, references, compatibility, source, requestId };
    return present(await this.calls.unary(method.createContractRevision, request, options), "revision");
  }

  /** Changes what is said about a contract: the fields in `paths`, by default those that are set. */
  async update(
    contractId: string,
    contract: MessageInitShape<typeof ContractUpdateSchema>,
    options: CallOptions & { paths?: string[] } = {},
  ): Promise<Contract> {
    const updateMask = options.paths && { paths: options.paths };
    const request = { contractId, contract, ...(updateMask && { updateMask }) };
    return present(await this.calls.unary(method.updateContract, request, options), "contract");
  }

  /** Answers a contract. */
  async get(contractId: string, options?: CallOptions): Promise<Contract> {
    return present(await this.calls.unary(method.getContract, { contractId }, options), "contract");
  }

  /** Lists contracts by name; all words of `query` have to be found. */
  list(
    request: MessageInitShape<typeof ListContractsRequestSchema> = {},
    options?: CallOptions,
  ): AsyncGenerator<Contract> {
    return this.calls.pages(method.listContracts, request, (page) => page.contracts, options);
  }

  /** Deletes a contract that nothing refers to. */
  async delete(contractId: string, options?: CallOptions): Promise<void> {
    await this.calls.unary(method.deleteContract, { contractId }, options);
  }

  /** Lists the revisions of a contract, newest first, without their documents. */
  revisions(
    request: MessageInitShape<typeof ListContractRevisionsRequestSchema>,
    options?: CallOptions,
  ): AsyncGenerator<ContractRevision> {
    return this.calls.pages(method.listContractRevisions, request, (page) => page.revisions, options);
  }

  /** Answers a revision, by its version, tag or digest. */
  async revision(contractId: string, version = "latest", options?: CallOptions): Promise<ContractRevision> {
    return present(await this.calls.unary(method.getContractRevision, { contractId, version }, options), "revision");
  }

  /** Says what a document would change, by the contract's own mode or by another. Saves nothing. */
  async check(
    contractId: string,
    document: ContractSource,
    options: CallOptions & { mode?: CompatibilityMode } = {},
  ): Promise<CompatibilityReport> {
    const request = { contractId, source: sourceOf(document), mode: options.mode ?? 0 };
    return present(await this.calls.unary(method.checkCompatibility, request, options), "report");
  }

  /** Says what changed between two revisions. */
  async diff(contractId: string, base: string, target = "latest", options?: CallOptions): Promise<CompatibilityReport> {
    const request = { contractId, base, target };
    return present(await this.calls.unary(method.diffContractRevisions, request, options), "report");
  }

  /** Answers a revision as `json_schema`, `avro`, `proto` or `odcs`. */
  async export(contractId: string, version = "latest", format = "json_schema", options?: CallOptions): Promise<Body> {
    return Body.of(await this.calls.unary(method.exportContract, { contractId, version, format }, options));
  }

  /** Fetches a contract to judge JSON with, here and without further calls. */
  async validator(contractId: string, version = "latest", options?: CallOptions): Promise<ContractValidator> {
    const schema = await this.export(contractId, version, "json_schema", options);
    return new ContractValidator(await schema.text());
  }
}

/** Judges JSON by a contract. No code is made from it, so it works under any content security policy. */
export class ContractValidator {
  private readonly validator: Validator;

  /** @param schema text of a JSON Schema */
  constructor(schema: string) {
    this.validator = new Validator(parseJson(schema));
  }

  /** Returns every problem of a JSON text, sorted by path, then keyword; none where it meets the contract. */
  problems(text: string): Problem[] {
    return this.validator.validate(parseJson(text));
  }
}

function sourceOf(document: ContractSource) {
  if ("text" in document) return { case: "body" as const, value: httpBody(document) };
  return { case: "document" as const, value: document };
}
