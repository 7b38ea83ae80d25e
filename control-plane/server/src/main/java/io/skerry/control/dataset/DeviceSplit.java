package io.skerry.control.dataset;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Puts whole devices into splits: in the order of a hash of their names, so that nobody chooses,
 * and stratum by stratum, so that every split gets devices of each.
 *
 * <p>A stratum of one device trains; of two, one trains and one tests; from three on each split has
 * at least one.
 *
 * @param validation share of a stratum's devices, 0 to 1
 * @param test share of a stratum's devices, 0 to 1
 */
public record DeviceSplit(double validation, double test) {
  /** 70 % train, 15 % validation, 15 % test. */
  public static final DeviceSplit USUAL = new DeviceSplit(0.15, 0.15);

  /**
   * Checks the shares.
   *
   * @throws IllegalArgumentException if they leave nothing to train on
   */
  public DeviceSplit {
    if (!(validation >= 0 && test >= 0 && validation + test < 1)) {
      throw new IllegalArgumentException(
          "split shares %s and %s leave nothing to train on".formatted(validation, test));
    }
  }

  /**
   * Splits each stratum by itself.
   *
   * @param kept devices that already have a split and keep it; a device judged on once must never
   *     be trained on later
   */
  public Map<DeviceId, Split> assign(
      Collection<? extends Collection<DeviceId>> strata, Map<DeviceId, Split> kept) {
    Map<DeviceId, Split> splits = new TreeMap<>(Comparator.comparing(DeviceId::value));
    for (Collection<DeviceId> stratum : strata) {
      List<DeviceId> fresh =
          stratum.stream()
              .filter(device -> !kept.containsKey(device) && !splits.containsKey(device))
              .distinct()
              .sorted(Comparator.comparing(DeviceSplit::hash))
              .toList();
      int tests = share(fresh.size(), test, 2);
      int validations = share(fresh.size(), validation, 3);
      for (int i = 0; i < fresh.size(); i++) {
        Split split =
            i < tests ? Split.TEST : i < tests + validations ? Split.VALIDATION : Split.TRAIN;
        splits.put(fresh.get(i), split);
      }
      stratum.forEach(
          device -> {
            Split before = kept.get(device);
            if (before != null) {
              splits.put(device, before);
            }
          });
    }
    return splits;
  }

  private static int share(int devices, double share, int devicesMin) {
    if (devices < devicesMin || share == 0) {
      return 0;
    }
    return (int) Math.max(1, Math.round(devices * share));
  }

  private static String hash(DeviceId device) {
    return Digest.of(("skerry-split-v1\n" + device).getBytes(StandardCharsets.UTF_8)).hex();
  }
}
