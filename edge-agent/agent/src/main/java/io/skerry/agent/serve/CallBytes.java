package io.skerry.agent.serve;

import io.grpc.Attributes;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.ServerStreamTracer;
import io.grpc.Status;
import io.grpc.Status.Code;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Counts the bytes of gRPC's requests as they come and ends the call whose next bytes have no room.
 * gRPC itself bounds each message, but not how many come at a time. Counts answers, too, until
 * their clients have taken them.
 */
final class CallBytes extends ServerStreamTracer.Factory {
  private static final Logger log = LoggerFactory.getLogger(CallBytes.class);

  /** What every call takes anyway: of so little nobody needs to be told. */
  private static final long OBJECT_BYTES_FREE = 4 << 10;

  private static final Context.Key<Call> CALL = Context.key("skerry-call-bytes");

  private final RequestBudget budget;
  private final Application unnamed;
  private final Function<Attributes, Application> caller;
  private final Sparingly sparingly = new Sparingly();

  /**
   * Counts in a budget.
   *
   * @param unnamed whose calls are that reach no method
   * @param caller whose a call is, by what its connection is known by
   */
  CallBytes(RequestBudget budget, Application unnamed, Function<Attributes, Application> caller) {
    this.budget = budget;
    this.unnamed = unnamed;
    this.caller = caller;
  }

  /**
   * Says that the current message of a call is worked on: its bytes count until {@link #worked},
   * also when its client goes before.
   */
  static void working(Context call) {
    Call its = CALL.get(call);
    if (its != null) {
      its.working(true);
    }
  }

  /** Says that nobody works on the message any more. */
  static void worked(Context call) {
    Call its = CALL.get(call);
    if (its != null) {
      its.working(false);
    }
  }

  /**
   * Says that the message which has come takes so many bytes of heap beyond its own, once it is
   * read.
   *
   * @throws io.grpc.StatusRuntimeException if there is no room for them; the call has ended so
   */
  static void unpacks(Context call, long bytes) {
    Call its = CALL.get(call);
    if (its != null && bytes > OBJECT_BYTES_FREE) {
      its.unpacks(bytes);
    }
  }

  /** Says that the client of a stream has taken the answers there were. */
  static void taken(Context call) {
    Call its = CALL.get(call);
    if (its != null) {
      its.taken();
    }
  }

  @Override
  public ServerStreamTracer newServerStreamTracer(String method, Metadata headers) {
    return new Call();
  }

  /**
   * The bytes of one call's current message, until it is answered. A stream may then stay open for
   * as long as its client likes; its next message comes after the answer, and its next answer when
   * the one before has been taken.
   */
  private final class Call extends ServerStreamTracer {
    private Application application = unnamed;
    private long wire;
    private long unpacked;
    private long objects;
    private long held;
    private long untaken;
    private boolean asksOnce;
    private boolean working;
    private boolean over;

    @Override
    public Context filterContext(Context context) {
      return context.withValue(CALL, this);
    }

    private synchronized void working(boolean begins) {
      working = begins;
      if (over) {
        releaseUnlessWorking();
      }
    }

    // Before any byte of a message.
    @Override
    public synchronized void serverCallStarted(ServerCallInfo<?, ?> call) {
      release();
      application = caller.apply(call.getAttributes());
      asksOnce = call.getMethodDescriptor().getType().clientSendsOneMessage();
    }

    // A call of one message keeps it until its client has ended it, whatever else begins to come.
    @Override
    public synchronized void inboundMessage(int number) {
      if (!asksOnce) {
        releaseUnlessWorking();
      }
    }

    @Override
    public synchronized void inboundWireSize(long bytes) {
      wire += bytes;
      hold();
    }

    @Override
    public synchronized void outboundWireSize(long bytes) {
      if (!over) {
        untaken += bytes;
        application.leave(bytes);
      }
    }

    private synchronized void taken() {
      application.leave(-untaken);
      untaken = 0;
    }

    @Override
    public synchronized void outboundMessage(int number) {
      release();
    }

    // Of a message that was not compressed this is told once more, as a whole.
    @Override
    public synchronized void inboundUncompressedSize(long bytes) {
      unpacked += bytes;
      hold();
    }

    private synchronized void unpacks(long bytes) {
      objects = bytes;
      hold();
    }

    @Override
    public synchronized void streamClosed(Status status) {
      over = true;
      taken();
      releaseUnlessWorking();
    }

    private void releaseUnlessWorking() {
      if (!working) {
        release();
      }
    }

    private void hold() {
      long more = Math.max(wire, unpacked) + objects - held;
      if (over || more <= 0) {
        return;
      }
      if (!budget.take(application, held, more)) {
        refuse();
      }
      held += more;
    }

    private void release() {
      budget.give(application, held);
      held = 0;
      wire = 0;
      unpacked = 0;
      objects = 0;
    }

    // What is thrown here ends the call with that status and nothing else.
    private void refuse() {
      over = true;
      if (sparingly.isDue()) {
        log.atWarn()
            .addKeyValue("application", application.name())
            .addKeyValue("requestBytes", budget.bytes())
            .addKeyValue("bytesMax", budget.bytesMax())
            .log("request refused: no room for it now");
      }
      throw Status.fromCode(Code.RESOURCE_EXHAUSTED)
          .withDescription(
              "no room for this request now: requests may have %d bytes together; try again"
                  .formatted(budget.bytesMax()))
          .asRuntimeException();
    }
  }
}
