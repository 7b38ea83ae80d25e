package io.skerry.control.overview;

import io.skerry.api.Rollout;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** A stage's devices as the parts of one bar. Pure. */
public final class RolloutBars {
  private static final Set<String> GOOD = Set.of("COMMITTED", "ALREADY_INSTALLED", "RESTORED");
  private static final Set<String> BAD =
      Set.of("REJECTED", "FAILED", "TIMED_OUT", "ROLLED_BACK", "RESTORE_FAILED");
  private static final Set<String> IDLE =
      Set.of("PENDING", "DEFERRED", "NOT_REACHED", "CANCELLED", "REMOVED");
  private static final Set<String> LEFT = Set.of("NOT_ELIGIBLE");

  private RolloutBars() {}

  /** Devices that share a colour. */
  public record Part(String fill, int devices) {}

  /** Good, under way, bad, waiting; without empty parts. */
  public static List<Part> of(Rollout.Stage stage) {
    int good = 0;
    int busy = 0;
    int bad = 0;
    int idle = 0;
    for (Map.Entry<String, Integer> count : stage.counts().entrySet()) {
      if (GOOD.contains(count.getKey())) {
        good += count.getValue();
      } else if (BAD.contains(count.getKey())) {
        bad += count.getValue();
      } else if (IDLE.contains(count.getKey())) {
        idle += count.getValue();
      } else if (!LEFT.contains(count.getKey())) {
        busy += count.getValue();
      }
    }
    List<Part> parts = new ArrayList<>();
    parts.add(new Part("good-fill", good));
    parts.add(new Part("busy-fill", busy));
    parts.add(new Part("bad-fill", bad));
    parts.add(new Part("idle-fill", idle));
    parts.removeIf(part -> part.devices() == 0);
    return parts;
  }

  /** The same in words: colour alone tells nobody everything. */
  public static String words(Rollout.Stage stage) {
    StringBuilder words = new StringBuilder(Words.count(stage.devices(), "device"));
    stage.counts().entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .forEach(
            count ->
                words
                    .append(", ")
                    .append(count.getValue())
                    .append(' ')
                    .append(Words.sentence(count.getKey()).toLowerCase(Locale.ROOT)));
    return words.toString();
  }
}
