package io.skerry.fleet.rollout;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ProfileId;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Who is in which stage: devices ranked by a hash of their id and the rollout's salt, the first of
 * each stage's cumulative share. The same devices and salt give the same stages, in any order.
 *
 * <p>A stage takes the best-ranked device of every profile first, so that no hardware is met for
 * the first time in the last stage; a stage can grow by that beyond its share.
 */
public final class StageMembership {
  private StageMembership() {}

  /** A device that can run the version. */
  public record Candidate(DeviceId device, ProfileId profile) {}

  /**
   * The devices of each stage, best rank first.
   *
   * @param percents cumulative, rising
   */
  public static List<List<Candidate>> assign(
      Collection<Candidate> candidates, String salt, List<Integer> percents) {
    List<Candidate> ranked =
        candidates.stream()
            .distinct()
            .sorted(
                Comparator.comparing((Candidate candidate) -> rank(candidate, salt))
                    .thenComparing(candidate -> candidate.device().value()))
            .toList();
    Set<Candidate> left = new LinkedHashSet<>(ranked);
    List<List<Candidate>> stages = new ArrayList<>();
    for (int percent : percents) {
      int target = (int) Math.ceilDiv((long) ranked.size() * percent, 100L);
      int share = Math.max(0, target - (ranked.size() - left.size()));
      List<Candidate> stage = take(left, share);
      stages.add(stage);
      stage.forEach(left::remove);
    }
    return stages;
  }

  private static List<Candidate> take(Set<Candidate> left, int share) {
    Map<ProfileId, Candidate> firsts = new HashMap<>();
    left.forEach(candidate -> firsts.putIfAbsent(candidate.profile(), candidate));
    Set<Candidate> taken = new LinkedHashSet<>(firsts.values());
    for (Candidate candidate : left) {
      if (taken.size() >= share) {
        break;
      }
      taken.add(candidate);
    }
    return left.stream().filter(taken::contains).toList();
  }

  private static String rank(Candidate candidate, String salt) {
    byte[] key = (salt + "/" + candidate.device().value()).getBytes(StandardCharsets.UTF_8);
    return Digest.of(key).hex();
  }
}
