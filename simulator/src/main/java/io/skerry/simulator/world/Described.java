package io.skerry.simulator.world;

import io.skerry.fleet.rollout.Eligibility;
import io.skerry.profile.HardwareFacts;
import io.skerry.profile.ProfileCatalog;
import io.skerry.protocol.ProfileId;
import java.util.Optional;

/**
 * What a device is known as.
 *
 * @param profile that its hardware matches best
 */
record Described(Optional<ProfileId> profile, HardwareFacts facts) {
  private static final ProfileCatalog CATALOG = ProfileCatalog.builtIn();

  /** Of these facts. */
  static Described of(HardwareFacts facts) {
    return new Described(
        CATALOG.bestMatch(facts).map(profile -> new ProfileId(profile.id())), facts);
  }

  Eligibility.Device device() {
    return new Eligibility.Device(profile, facts.engines());
  }

  /** Whether it is of this profile, too. */
  boolean isOf(ProfileId other) {
    return CATALOG.profile(other.value()).map(known -> known.matches(facts)).orElse(false);
  }
}
