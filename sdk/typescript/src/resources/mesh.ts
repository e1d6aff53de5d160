/** The mesh itself: how it is, who may call it, and what was done. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { AuditService, type Entry, type ListEntriesRequestSchema } from "../../gen/chartly/api/audit/v1/audit_pb.js";
import {
  AuthService,
  type CreateKeyResponse,
  type Key,
  type ListKeysRequestSchema,
} from "../../gen/chartly/api/auth/v1/auth_pb.js";
import {
  GatewayService,
  type GetHealthResponse,
  type GetStatusResponse,
} from "../../gen/chartly/api/gateway/v1/gateway_pb.js";
import { type Calls, randomId } from "../calls.js";
import type { CallOptions } from "../policy.js";
import { present, type SaveOptions } from "./profiles.js";

/** How the mesh is. */
export class Status {
  constructor(private readonly calls: Calls) {}

  /** Answers `healthy` while all services serve, and throws UNAVAILABLE otherwise. Needs no key. */
  health(options?: CallOptions): Promise<GetHealthResponse> {
    return this.calls.unary(GatewayService.method.getHealth, {}, options);
  }

  /** Answers how each service is. */
  get(options?: CallOptions): Promise<GetStatusResponse> {
    return this.calls.unary(GatewayService.method.getStatus, {}, options);
  }
}

/** API keys. */
export class Keys {
  constructor(private readonly calls: Calls) {}

  /** Creates a key. The answer holds its secret, which is shown only now. */
  create(
    name: string,
    roles: string[],
    options: SaveOptions & { expireTime?: Timestamp } = {},
  ): Promise<CreateKeyResponse> {
    const { expireTime, requestId } = options;
    const request = { name, roles, requestId: requestId || randomId(), ...(expireTime && { expireTime }) };
    return this.calls.unary(AuthService.method.createKey, request, options);
  }

  /** Lists keys, without their secrets. */
  list(request: MessageInitShape<typeof ListKeysRequestSchema> = {}, options?: CallOptions): AsyncGenerator<Key> {
    return this.calls.pages(AuthService.method.listKeys, request, (page) => page.keys, options);
  }

  /** Revokes a key. */
  async revoke(keyId: string, options?: CallOptions): Promise<Key> {
    return present(await this.calls.unary(AuthService.method.revokeKey, { keyId }, options), "key");
  }
}

/** The ledger of what was done. */
export class Audit {
  constructor(private readonly calls: Calls) {}

  /** Lists entries. */
  list(request: MessageInitShape<typeof ListEntriesRequestSchema> = {}, options?: CallOptions): AsyncGenerator<Entry> {
    return this.calls.pages(AuditService.method.listEntries, request, (page) => page.entries, options);
  }

  /** Answers one entry, by its place in the ledger. */
  async get(index: bigint, options?: CallOptions): Promise<Entry> {
    return present(await this.calls.unary(AuditService.method.getEntry, { index }, options), "entry");
  }
}
