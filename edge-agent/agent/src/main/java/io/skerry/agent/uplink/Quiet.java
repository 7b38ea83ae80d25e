package io.skerry.agent.uplink;

import io.skerry.telemetry.sketch.LineUpkeep;
import java.time.Duration;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * How long a line may be quiet: as long as is wished, and less where it does not last, because a
 * network between forgets or closes quiet lines. Making it anew costs more than many pings.
 *
 * <p>After two connections in a row that were lost in their first quiet time it is half as long,
 * down to {@link LineUpkeep#SHORTEST}; a week after the last such step one is taken back, because
 * the device may be elsewhere by then. Only the link's thread touches it.
 */
final class Quiet {
  /** One step is taken back after so long: to find that it was right costs three connections. */
  static final Duration TAKEN_BACK = Duration.ofDays(7);

  private static final int LOST = 2;

  private final Supplier<Duration> wished;
  private final LongSupplier nanoTime;
  private Duration applied = LineUpkeep.SHORTEST;
  private int lost;
  private int halvings;
  private long steppedNanos;

  /**
   * The end of a connection that stood.
   *
   * @param lost whether it ended without a word of the broker or of the device
   * @param quiet how long nothing had come from the broker, without the wait for an answer
   * @param held whether a ping was answered on it, so that it lasts as long as it may be quiet
   */
  record End(boolean lost, Duration quiet, boolean held) {
    // Where it was in use shortly before, no ping would have kept it.
    private boolean isOfQuiet() {
      return lost && !held && quiet.compareTo(LineUpkeep.SHORTEST) > 0;
    }
  }

  Quiet(Supplier<Duration> wished, LongSupplier nanoTime) {
    this.wished = wished;
    this.nanoTime = nanoTime;
  }

  /** What a connection that begins now is made with. */
  Duration allowed() {
    applied = now();
    return applied;
  }

  private Duration now() {
    long nanos = nanoTime.getAsLong();
    if (halvings > 0 && nanos - steppedNanos >= TAKEN_BACK.toNanos()) {
      halvings--;
      steppedNanos = nanos;
    }
    Duration wish = wished.get();
    Duration shortest = wish.compareTo(LineUpkeep.SHORTEST) < 0 ? wish : LineUpkeep.SHORTEST;
    Duration halved = Duration.ofSeconds(wish.toSeconds() >> halvings);
    return halved.compareTo(shortest) < 0 ? shortest : halved;
  }

  /** Whether the connection that was made last should have been made with quite another. */
  boolean isAnother() {
    long seconds = now().toSeconds();
    return 2 * seconds >= 3 * applied.toSeconds() || 3 * seconds <= 2 * applied.toSeconds();
  }

  /** A connection that stood has ended. */
  void ended(End end) {
    lost = end.isOfQuiet() ? lost + 1 : 0;
    if (lost >= LOST) {
      lost = 0;
      halvings += now().compareTo(LineUpkeep.SHORTEST) > 0 ? 1 : 0;
      steppedNanos = nanoTime.getAsLong();
    }
  }
}
