package io.skerry.fleet.rollout;

import java.util.Collection;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;

/**
 * Devices of one stage by state, split by whether they are online now.
 *
 * @param online counts of devices that are connected
 * @param offline counts of devices that are not
 * @param replacing touched devices that ran a version before this rollout
 */
public record StageCensus(
    Map<DeploymentState, Integer> online, Map<DeploymentState, Integer> offline, int replacing) {
  public StageCensus {
    online = Collections.unmodifiableMap(copy(online));
    offline = Collections.unmodifiableMap(copy(offline));
  }

  private static Map<DeploymentState, Integer> copy(Map<DeploymentState, Integer> counts) {
    Map<DeploymentState, Integer> copy = new EnumMap<>(DeploymentState.class);
    copy.putAll(counts);
    return copy;
  }

  /** Devices in this state, online or not. */
  public int count(DeploymentState state) {
    return countOnline(state) + offline.getOrDefault(state, 0);
  }

  int countOnline(DeploymentState state) {
    return online.getOrDefault(state, 0);
  }

  /** Devices of the stage. */
  public int devices() {
    return sum(online.values()) + sum(offline.values());
  }

  /** Devices that were ever given an order by this rollout. */
  public int touched() {
    return devices() - count(DeploymentState.PENDING);
  }

  /** Devices whose update ended without the version running. */
  public int failures() {
    return count(DeploymentState.REJECTED)
        + count(DeploymentState.FAILED)
        + count(DeploymentState.ROLLED_BACK);
  }

  int underWay() {
    return count(DeploymentState.OFFERED) + count(DeploymentState.IN_PROGRESS);
  }

  private static int sum(Collection<Integer> counts) {
    return counts.stream().mapToInt(Integer::intValue).sum();
  }
}
