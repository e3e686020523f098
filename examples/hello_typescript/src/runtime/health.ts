// The standard health service: the bridge asks it whether the plugin is ready.

import { type handleUnaryCall, status } from "@grpc/grpc-js";

import {
    type HealthCheckRequest,
    HealthCheckResponse,
    HealthCheckResponse_ServingStatus as ServingStatus,
    HealthDefinition,
} from "../stubs/grpc/health/v1/health";
import type { Service } from "./hooks";
import { grpcMethod } from "./methods";

/** The service; it is there when the plugin is, so its answer is always the same. */
export function healthService(): Service {
    const check: handleUnaryCall<HealthCheckRequest, HealthCheckResponse> = ({ request }, callback) => {
        if (request.service === "plugin" || request.service === "") {
            callback(null, HealthCheckResponse.create({ status: ServingStatus.SERVING }));
        } else {
            callback({ code: status.NOT_FOUND, details: `there is no service ${request.service}` });
        }
    };
    return {
        definition: { Check: grpcMethod(HealthDefinition, HealthDefinition.methods.check) },
        implementation: { Check: check },
    };
}
