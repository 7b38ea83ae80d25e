package io.skerry.agent.uplink;

import io.skerry.telemetry.sketch.LineUpkeep;
import java.time.Duration;
import java.util.function.Supplier;

/**
 * How long a line may be quiet: as long as is wished, and less where it does not last, because a
 * network between forgets quiet lines. Making it anew costs more than many pings.
 *
 * <p>After two connections in a row that ended with a ping or a message unanswered it is half as
 * long, down to {@link LineUpkeep#SHORTEST}. Only the link's thread touches it.
 */
final class Quiet {
  private static final int UNANSWERED = 2;

  private final Supplier<Duration> wished;
  private Duration applied = LineUpkeep.SHORTEST;
  private int unanswered;
  private int halvings;

  Quiet(Supplier<Duration> wished) {
    this.wished = wished;
  }

  /** What a connection that begins now is made with. */
  Duration allowed() {
    applied = now();
    return applied;
  }

  private Duration now() {
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

  /**
   * A connection that stood has ended.
   *
   * @param silent whether it was dead when it was used
   */
  void ended(boolean silent) {
    unanswered = silent ? unanswered + 1 : 0;
    if (unanswered >= UNANSWERED) {
      unanswered = 0;
      halvings += now().compareTo(LineUpkeep.SHORTEST) > 0 ? 1 : 0;
    }
  }
}
