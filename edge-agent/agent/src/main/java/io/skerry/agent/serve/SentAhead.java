package io.skerry.agent.serve;

import io.grpc.Attributes;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCall.Listener;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.util.function.Function;

/**
 * Bounds what clients send on open streams ahead of their answers. It waits in the transport,
 * unread and uncounted, in a window that each stream has: so a stream takes its window when it
 * opens, and is refused when there is none.
 */
final class SentAhead implements ServerInterceptor {
  private final RequestBudget budget;
  private final int windowBytes;
  private final Function<Attributes, Application> caller;

  /**
   * Takes windows from a budget.
   *
   * @param windowBytes what may be sent on a stream before it is read
   * @param caller whose a call is, by what its connection is known by
   */
  SentAhead(RequestBudget budget, int windowBytes, Function<Attributes, Application> caller) {
    this.budget = budget;
    this.windowBytes = windowBytes;
    this.caller = caller;
  }

  @Override
  public <A, B> Listener<A> interceptCall(
      ServerCall<A, B> call, Metadata headers, ServerCallHandler<A, B> next) {
    if (call.getMethodDescriptor().getType().clientSendsOneMessage()) {
      return next.startCall(call, headers);
    }
    Application application = caller.apply(call.getAttributes());
    if (!budget.take(application, 0, windowBytes)) {
      call.close(
          Status.RESOURCE_EXHAUSTED.withDescription(
              "no room for one more stream now: %d bytes are kept for what each may send ahead, %d for all together; close those that are not used"
                  .formatted(windowBytes, budget.bytesMax())),
          new Metadata());
      return new Listener<>() {};
    }
    boolean opened = false;
    try {
      Listener<A> stream =
          new Open<>(next.startCall(call, headers), () -> budget.give(application, windowBytes));
      opened = true;
      return stream;
    } finally {
      if (!opened) {
        budget.give(application, windowBytes);
      }
    }
  }

  private static final class Open<A> extends SimpleForwardingServerCallListener<A> {
    private final Runnable end;

    Open(Listener<A> stream, Runnable end) {
      super(stream);
      this.end = end;
    }

    @Override
    public void onCancel() {
      end.run();
      super.onCancel();
    }

    @Override
    public void onComplete() {
      end.run();
      super.onComplete();
    }
  }
}
