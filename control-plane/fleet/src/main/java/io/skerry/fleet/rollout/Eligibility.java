package io.skerry.fleet.rollout;

import io.skerry.protocol.ProfileId;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Whether a device can run what a rollout brings, as it says of itself now: asked for a preview, at
 * the start, of devices that come later, and again before each order.
 */
public sealed interface Eligibility {
  /** It gets the variant for this profile. */
  record Eligible(ProfileId profile) implements Eligibility {}

  /** It gets nothing. */
  record NotEligible(String reason) implements Eligibility {}

  /**
   * A device.
   *
   * @param profile that its hardware matches
   * @param engines as it names them, for example {@code onnxruntime/cpu}; empty when it says
   *     nothing of them, and then it may have any: what it cannot load, it refuses
   */
  record Device(Optional<ProfileId> profile, List<String> engines) {
    public Device {
      engines = List.copyOf(engines);
    }

    private boolean has(String engine) {
      return engines.isEmpty()
          || engines.stream().anyMatch(one -> one.equals(engine) || one.startsWith(engine + "/"));
    }
  }

  /**
   * What a rollout needs.
   *
   * @param engines of all its parts, by profile that every part has a variant for
   */
  record Needs(Map<ProfileId, Set<String>> engines) {
    public Needs {
      Map<ProfileId, Set<String>> copied = new HashMap<>();
      engines.forEach((profile, names) -> copied.put(profile, Set.copyOf(names)));
      engines = Map.copyOf(copied);
    }
  }

  /** Whether this device is eligible. */
  static Eligibility of(Device device, Needs needs) {
    if (device.profile().isEmpty()) {
      return new NotEligible("its hardware matches no profile");
    }
    ProfileId profile = device.profile().get();
    Set<String> needed = needs.engines().get(profile);
    if (needed == null) {
      return new NotEligible("the rollout brings no variant for profile " + profile);
    }
    return needed.stream()
        .filter(engine -> !device.has(engine))
        .sorted()
        .findFirst()
        .<Eligibility>map(
            lacking ->
                new NotEligible(
                    "it has no engine '%s', which the variant for %s needs"
                        .formatted(lacking, profile)))
        .orElseGet(() -> new Eligible(profile));
  }
}
