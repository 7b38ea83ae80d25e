package io.skerry.simulator.fleet;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/**
 * The application beside one device: asks for a prediction at every machine cycle, and later tells
 * for a part of them what really happened. Not thread-safe.
 */
public final class Application {
  /** Ticks between a prediction and its outcome. */
  private static final int OUTCOME_AFTER_TICKS = 8;

  /** Outcomes waiting to be told; one is added at most per tick, so this is never reached. */
  private static final int WAITING_MAX = 2 * OUTCOME_AFTER_TICKS;

  private final MachineFeed feed;
  private final Port port;
  private final Deque<Waiting> waiting = new ArrayDeque<>();
  private long tick;
  private Counts counts = new Counts(0, 0, 0);
  private String lastFailure = "";

  /** How the application reaches its device. */
  public interface Port {
    /**
     * Asks for one prediction.
     *
     * @param window shape [sensors][cycles]
     * @return the prediction's id; empty when the device says that it has no model
     * @throws PredictionFailed if it did not answer for any other cause
     */
    Optional<String> predict(float[] window) throws PredictionFailed;

    /** Tells the actual outcome of a prediction, 0 or 1. */
    void feedback(String predictionId, double actual);
  }

  /** A device did not answer although it should have. */
  public static final class PredictionFailed extends Exception {
    private static final long serialVersionUID = 1L;

    public PredictionFailed(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /** What an application has seen since it started. */
  public record Counts(long predictions, long failed, long feedback) {
    public Counts plus(Counts other) {
      return new Counts(
          predictions + other.predictions, failed + other.failed, feedback + other.feedback);
    }
  }

  private record Waiting(long dueTick, String predictionId, double actual) {}

  public Application(MachineFeed feed, Port port) {
    this.feed = feed;
    this.port = port;
  }

  /** One machine cycle. */
  public void tick() {
    tick++;
    feed.tick();
    tellOutcomes();
    if (feed.ready()) {
      ask();
    }
  }

  /** A sensor of the machine has lost its calibration. */
  public void shift(int sensor, float amount) {
    feed.shift(sensor, amount);
  }

  public Counts counts() {
    return counts;
  }

  /** Why the last failed prediction failed; empty when none did. */
  public String lastFailure() {
    return lastFailure;
  }

  private void ask() {
    try {
      Optional<String> id = port.predict(feed.window());
      if (id.isEmpty()) {
        // Until the first answer nothing has been rolled out to the device.
        if (counts.predictions() > counts.failed()) {
          failed("the device has no model any more");
        }
        return;
      }
      counts = counts.plus(new Counts(1, 0, 0));
      // Every second outcome becomes known.
      if (tick % 2 == 0 && waiting.size() < WAITING_MAX) {
        waiting.add(new Waiting(tick + OUTCOME_AFTER_TICKS, id.get(), feed.failing() ? 1 : 0));
      }
    } catch (PredictionFailed e) {
      failed(String.valueOf(e.getMessage()));
    }
  }

  private void failed(String why) {
    lastFailure = why;
    counts = counts.plus(new Counts(1, 1, 0));
  }

  private void tellOutcomes() {
    while (!waiting.isEmpty() && waiting.peekFirst().dueTick() <= tick) {
      Waiting due = waiting.removeFirst();
      port.feedback(due.predictionId(), due.actual());
      counts = counts.plus(new Counts(0, 0, 1));
    }
  }
}
