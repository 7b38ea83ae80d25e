package io.skerry.simulator.world;

import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotMode;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Watches what applications see of versions on trial: a version that has a share answers that
 * share, and a key always or never; one that shadows answers nobody.
 */
final class TrialWatch {
  // That a share is off by so many deviations happens to nobody.
  private static final double DEVIATIONS_MAX = 6;

  private final Watch watch;
  private final Map<Trial, Answers> answers = new HashMap<>();
  private long shadowed;
  private long answeredByShadows;

  /** A version on trial, and what for. */
  record Trial(ModelVersion version, SlotMode mode) {
    Optional<Double> share() {
      return mode instanceof SlotMode.Ab(SlotMode.Trial on)
          ? Optional.of(on.share())
          : Optional.empty();
    }
  }

  private record Key(int device, String key) {}

  /** Who answered; the predictions with one key count once. */
  private static final class Answers {
    private final Map<Key, Boolean> byKey = new HashMap<>();
    private long asked;
    private long answered;
  }

  TrialWatch(Watch watch) {
    this.watch = watch;
  }

  /**
   * A prediction was answered where a version is on trial.
   *
   * @param key of the request; empty when it had none
   * @param byTrial whether that version answered
   */
  void answered(int device, String key, Trial trial, boolean byTrial) {
    if (trial.share().isEmpty()) {
      if (byTrial) {
        answeredByShadows++;
        watch.broken(4, device, "%s answered, and was only to shadow".formatted(trial.version()));
      }
      return;
    }
    Answers seen = answers.computeIfAbsent(trial, one -> new Answers());
    Boolean before = key.isEmpty() ? null : seen.byKey.putIfAbsent(new Key(device, key), byTrial);
    if (before == null) {
      seen.asked++;
      seen.answered += byTrial ? 1 : 0;
    } else if (before != byTrial) {
      watch.broken(
          4, device, "key '%s' was answered by %s and not by it".formatted(key, trial.version()));
    }
  }

  /** A version that shadows was given a copy. */
  void shadowed() {
    shadowed++;
  }

  /** What must hold of every trial, however it ended. */
  void check() {
    answers.forEach(
        (trial, seen) -> {
          double share = trial.share().orElse(0.0);
          double deviation = Math.sqrt(share * (1 - share) * seen.asked);
          if (Math.abs(seen.answered - share * seen.asked) > DEVIATIONS_MAX * deviation + 1) {
            watch.broken(
                4,
                -1,
                "%s answered %d of %d predictions, its share is %s"
                    .formatted(trial.version(), seen.answered, seen.asked, share));
          }
        });
  }

  /** Share of the predictions that a version answered where it was on trial. */
  double share(long version) {
    long answered = 0;
    for (Map.Entry<Trial, Answers> one : answers.entrySet()) {
      answered += one.getKey().version().version() == version ? one.getValue().answered : 0;
    }
    return (double) answered / Math.max(1, asked(version));
  }

  /** Predictions that it was counted from. */
  long asked(long version) {
    long asked = 0;
    for (Map.Entry<Trial, Answers> one : answers.entrySet()) {
      asked += one.getKey().version().version() == version ? one.getValue().asked : 0;
    }
    return asked;
  }

  /** Copies that versions which shadow were given. */
  long copies() {
    return shadowed;
  }

  /** Answers of versions that were only to shadow. */
  long answeredByShadows() {
    return answeredByShadows;
  }
}
