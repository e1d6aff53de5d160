/** Work items and the drones that hold them. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  CoordinatorService,
  type Drone,
  type GetDroneStatsResponse,
  type ListDronesRequestSchema,
  type ListDroneWorkRequestSchema,
  type ListWorkRequestSchema,
  type Work as WorkItem,
} from "../../gen/chartly/api/coordinator/v1/coordinator_pb.js";
import type { Calls } from "../calls.js";
import type { CallOptions } from "../policy.js";
import { present } from "./profiles.js";

const { method } = CoordinatorService;

/** Work items: what waits for a drone, is under way or has ended. */
export class Work {
  constructor(private readonly calls: Calls) {}

  /** Lists work items, newest first. */
  list(request: MessageInitShape<typeof ListWorkRequestSchema> = {}, options?: CallOptions): AsyncGenerator<WorkItem> {
    return this.calls.pages(method.listWork, request, (page) => page.work, options);
  }

  /** Answers one work item. */
  async get(workId: string, options?: CallOptions): Promise<WorkItem> {
    return present(await this.calls.unary(method.getWork, { workId }, options), "work");
  }

  /** Cancels a work item. */
  async cancel(workId: string, options?: CallOptions): Promise<WorkItem> {
    return present(await this.calls.unary(method.cancelWork, { workId }, options), "work");
  }

  /** Queues dead or cancelled work again. */
  async redrive(workId: string, options?: CallOptions): Promise<WorkItem> {
    return present(await this.calls.unary(method.redriveWork, { workId }, options), "work");
  }
}

/** Drones: the workers that fetch, map and deliver. */
export class Drones {
  constructor(private readonly calls: Calls) {}

  /** Lists drones. */
  list(request: MessageInitShape<typeof ListDronesRequestSchema> = {}, options?: CallOptions): AsyncGenerator<Drone> {
    return this.calls.pages(method.listDrones, request, (page) => page.drones, options);
  }

  /** Answers one drone. */
  async get(droneId: string, options?: CallOptions): Promise<Drone> {
    return present(await this.calls.unary(method.getDrone, { droneId }, options), "drone");
  }

  /** Counts drones and work. */
  stats(options?: CallOptions): Promise<GetDroneStatsResponse> {
    return this.calls.unary(method.getDroneStats, {}, options);
  }

  /** Lists the work that a drone holds or has held. */
  work(request: MessageInitShape<typeof ListDroneWorkRequestSchema>, options?: CallOptions): AsyncGenerator<WorkItem> {
    return this.calls.pages(method.listDroneWork, request, (page) => page.work, options);
  }
}
