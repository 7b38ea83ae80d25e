package io.skerry.simulator.world;

import io.skerry.profile.HardwareFacts;
import io.skerry.profile.HardwareProfile;
import io.skerry.profile.ProfileCatalog;
import io.skerry.protocol.ProfileId;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** The kinds of boards in a simulated fleet. */
enum Hardware {
  GATEWAY("x86-64-avx2", "x86-64", List.of("avx2", "fma", "f16c")),
  BOARD("arm64-dotprod", "arm64", List.of("asimd", "asimddp")),
  OLD_BOARD("arm64-neon", "arm64", List.of("asimd"));

  private static final long MEMORY_BYTES = 1L << 30;

  @SuppressWarnings("ImmutableEnumChecker") // A record of text.
  private final ProfileId profile;

  @SuppressWarnings("ImmutableEnumChecker") // A record that copies its lists.
  private final HardwareFacts facts;

  @SuppressWarnings("ImmutableEnumChecker") // A record of records.
  private final Described described;

  private final Duration latencyBudget;

  Hardware(String profile, String arch, List<String> features) {
    this.profile = new ProfileId(profile);
    this.facts = new HardwareFacts(arch, features, 1, MEMORY_BYTES, List.of(), List.of(), "");
    this.described = new Described(Optional.of(this.profile), facts);
    this.latencyBudget =
        ProfileCatalog.builtIn().profile(profile).map(HardwareProfile::latencyBudget).orElseThrow();
  }

  /** The kinds in turn. */
  static Hardware dealt(int number) {
    Hardware[] all = values();
    return all[number % all.length];
  }

  ProfileId profile() {
    return profile;
  }

  HardwareFacts facts() {
    return facts;
  }

  /** What a device of it is known as. */
  Described described() {
    return described;
  }

  Duration latencyBudget() {
    return latencyBudget;
  }
}
