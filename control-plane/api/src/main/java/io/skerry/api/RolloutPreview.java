package io.skerry.api;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a rollout would do, found by what would do it.
 *
 * @param sentence the rollout in one sentence
 * @param eligible devices that some stage takes
 * @param notEligible devices that none takes
 * @param notEligibleBy how many devices for each reason
 * @param outsiders devices that none takes and why; at most {@link #DEVICES_MAX}
 * @param stages in their order; the holdback is the last one
 * @param superseded rollouts under way that it takes the place of when it starts
 */
public record RolloutPreview(
    String sentence,
    int eligible,
    int notEligible,
    Map<String, Integer> notEligibleBy,
    List<Outsider> outsiders,
    List<Stage> stages,
    List<Superseded> superseded) {
  /** Devices that are named one by one, for each stage and for those outside. */
  public static final int DEVICES_MAX = 2000;

  public RolloutPreview {
    notEligibleBy = Map.copyOf(notEligibleBy);
    outsiders = List.copyOf(outsiders);
    stages = List.copyOf(stages);
    superseded = List.copyOf(superseded);
  }

  /**
   * A rollout that gives its place up: what it has brought stays until the other one comes.
   *
   * @param version that it brings, {@code NAME@VERSION}
   */
  public record Superseded(String rollout, String version, String state) {}

  /** A device that no stage takes, or, of a rollout that was started, that has left its stage. */
  public record Outsider(String device, String reason) {}

  /** Devices of one page of all that a preview is about. */
  public static final int PLACES_MAX = 10_000;

  /**
   * What a rollout would be to one device.
   *
   * @param stage that takes it, from 0; null if none does
   * @param profile hardware profile by which it takes part; null if it does not
   * @param reason why no stage takes it; null if one does
   */
  public record Place(
      String device, @Nullable Integer stage, @Nullable String profile, @Nullable String reason) {}

  /**
   * A stage.
   *
   * @param selection what it takes, in words
   * @param count of its devices
   * @param byProfile of them, by hardware profile
   * @param devices best rank first; at most {@link #DEVICES_MAX}
   * @param gates what each gate can see at this size, by profile
   */
  public record Stage(
      int index,
      String selection,
      int count,
      Map<String, Integer> byProfile,
      List<String> devices,
      List<Sight> gates) {
    public Stage {
      byProfile = Map.copyOf(byProfile);
      devices = List.copyOf(devices);
      gates = List.copyOf(gates);
    }
  }

  /**
   * What a gate can see.
   *
   * @param profile hardware profile, or {@code pooled} for all of several together; of a later
   *     stage's own devices {@code stage} or {@code stage PROFILE}; of a unit's part its slot
   *     before it, as in {@code vision/pooled}
   * @param excludes smallest harm that it is likely to rule out by the stage's deadline, 0 to 1
   * @param shows smallest harm that it is likely to show by then, 0 to 1
   * @param enough whether what it rules out is within its tolerance
   */
  public record Sight(
      String gate, String profile, double excludes, double shows, boolean enough, String text) {}
}
