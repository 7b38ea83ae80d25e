package io.skerry.agent.serve;

import io.grpc.Status;
import io.grpc.StatusException;
import io.skerry.agent.model.PredictException;

/** Errors as gRPC's statuses: those that Triton's clients know. */
final class GrpcErrors {
  private GrpcErrors() {}

  static StatusException of(PredictException e) {
    Status status =
        switch (e.code()) {
          case INVALID_ARGUMENT -> Status.INVALID_ARGUMENT;
          case NOT_FOUND -> Status.NOT_FOUND;
          case ALREADY_EXISTS -> Status.ALREADY_EXISTS;
          case UNAVAILABLE -> Status.UNAVAILABLE;
          case UNIMPLEMENTED -> Status.UNIMPLEMENTED;
          case RESOURCE_EXHAUSTED -> Status.RESOURCE_EXHAUSTED;
          case CANCELLED -> Status.CANCELLED;
          case DEADLINE_EXCEEDED -> Status.DEADLINE_EXCEEDED;
          case INTERNAL -> Status.INTERNAL;
        };
    return status.withDescription(e.getMessage()).asException();
  }
}
