package io.skerry.agent.serve;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.skerry.agent.trace.TraceParent;
import java.util.Optional;

/** Notes where in a trace a gRPC call's caller stands. */
final class TraceHeaders implements ServerInterceptor {
  private static final Metadata.Key<String> PARENT =
      Metadata.Key.of(TraceParent.HEADER, Metadata.ASCII_STRING_MARSHALLER);
  private static final Metadata.Key<String> STATE =
      Metadata.Key.of(TraceParent.STATE_HEADER, Metadata.ASCII_STRING_MARSHALLER);
  private static final Context.Key<Optional<TraceParent>> CALLER =
      Context.keyWithDefault(TraceParent.HEADER, Optional.empty());

  /** Where the current call's caller stands, if it is part of a trace. */
  static Optional<TraceParent> current() {
    return CALLER.get();
  }

  @Override
  public <A, B> ServerCall.Listener<A> interceptCall(
      ServerCall<A, B> call, Metadata headers, ServerCallHandler<A, B> next) {
    Optional<TraceParent> parent = TraceParent.read(headers.get(PARENT), headers.get(STATE));
    return parent.isEmpty()
        ? next.startCall(call, headers)
        : Contexts.interceptCall(Context.current().withValue(CALLER, parent), call, headers, next);
  }
}
