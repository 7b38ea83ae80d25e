package io.skerry.control.link;

/**
 * Decides whether a device sends too much: four token buckets, filled by time.
 *
 * <pre>
 * connect: one token of connects, or TOO_MUCH
 * publish: one token of messages and its bytes of bytes, or else
 *          one token of refusals and TOO_MUCH, or else FLOOD
 * </pre>
 *
 * <p>Pure: times are given, in nanoseconds of any one clock.
 */
final class TrafficMachine {
  private static final double REFUSALS_PER_SECOND = 10;
  private static final double NANOS = 1e9;

  private final DeviceLimits limits;

  TrafficMachine(DeviceLimits limits) {
    this.limits = limits;
  }

  /** Tokens that are left, as of a time. */
  record State(double messages, double bytes, double refusals, double connects, long atNanos) {}

  enum Answer {
    ALLOWED,
    TOO_MUCH,
    FLOOD
  }

  record Decision(State state, Answer answer) {}

  /** A device that was not heard of for long: every bucket is full. */
  State start(long nowNanos) {
    return new State(
        limits.messagesBurst(),
        limits.bytesBurst(),
        limits.refusalsBurst(),
        limits.connectsBurst(),
        nowNanos);
  }

  Decision connect(State before, long nowNanos) {
    State state = filled(before, nowNanos);
    return state.connects() < 1
        ? new Decision(state, Answer.TOO_MUCH)
        : new Decision(
            new State(
                state.messages(),
                state.bytes(),
                state.refusals(),
                state.connects() - 1,
                state.atNanos()),
            Answer.ALLOWED);
  }

  Decision publish(State before, int bytes, long nowNanos) {
    State state = filled(before, nowNanos);
    if (state.messages() >= 1 && state.bytes() >= bytes) {
      return new Decision(
          new State(
              state.messages() - 1,
              state.bytes() - bytes,
              state.refusals(),
              state.connects(),
              state.atNanos()),
          Answer.ALLOWED);
    }
    if (state.refusals() >= 1) {
      return new Decision(
          new State(
              state.messages(),
              state.bytes(),
              state.refusals() - 1,
              state.connects(),
              state.atNanos()),
          Answer.TOO_MUCH);
    }
    return new Decision(state, Answer.FLOOD);
  }

  private State filled(State state, long nowNanos) {
    // Two threads may read the clock in one order and come here in the other.
    double seconds = Math.max(0, nowNanos - state.atNanos()) / NANOS;
    return new State(
        Math.min(limits.messagesBurst(), state.messages() + seconds * limits.messagesPerSecond()),
        Math.min(limits.bytesBurst(), state.bytes() + seconds * limits.bytesPerSecond()),
        Math.min(limits.refusalsBurst(), state.refusals() + seconds * REFUSALS_PER_SECOND),
        Math.min(
            limits.connectsBurst(), state.connects() + seconds * limits.connectsPerMinute() / 60),
        Math.max(nowNanos, state.atNanos()));
  }
}
