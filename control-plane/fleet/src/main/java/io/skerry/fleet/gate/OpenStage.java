package io.skerry.fleet.gate;

import io.skerry.protocol.ProfileId;
import java.util.Map;

/**
 * The open stage of a rollout, as far as its gates have to know it.
 *
 * @param devices of the stages opened so far, by profile
 * @param alone those of the open stage alone; empty when they are all
 * @param asLarge whether the open stage has as many devices as the first one, or more
 * @param replaces whether devices run a version before
 * @param stages of the rollout: each may err by its part only
 * @param apart whether what its own devices do is judged alone, too; not by the rules of before
 * @param silent whether profiles that tell nothing yet share the chance of a false stop, too; not
 *     by the rules of before
 * @param capped whether devices that ought to tell and do not keep a profile from passing; not by
 *     the rules of before
 * @param trial whether each device is its own control, but for its process; not by the rules of
 *     before
 */
public record OpenStage(
    Map<ProfileId, FailureGate.Devices> devices,
    Map<ProfileId, FailureGate.Devices> alone,
    boolean asLarge,
    boolean replaces,
    int stages,
    boolean apart,
    boolean silent,
    boolean capped,
    boolean trial) {
  public OpenStage {
    devices = Map.copyOf(devices);
    alone = Map.copyOf(alone);
  }

  /** The first one, whose devices are all. */
  public static OpenStage first(
      Map<ProfileId, FailureGate.Devices> devices, boolean replaces, int stages) {
    return new OpenStage(devices, Map.of(), true, replaces, stages, true, true, true, false);
  }

  /**
   * Judgements over the rollout that share the chance of a false stop: one in each stage, and from
   * the second on another of its own devices.
   */
  static int looks(int stages, boolean apart) {
    return apart ? 2 * stages - 1 : stages;
  }

  int looks() {
    return looks(stages, apart);
  }

  /** Profiles that share the chance of a false stop, whoever of them tells. */
  static int profiles(Map<ProfileId, FailureGate.Devices> of, boolean silent) {
    return silent ? of.size() : 0;
  }

  /** Whether what its own devices do is judged alone. */
  boolean isJudgedAlone() {
    return apart && !alone.isEmpty();
  }
}
