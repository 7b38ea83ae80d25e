package io.skerry.control.device;

import com.google.gson.Gson;
import io.skerry.profile.HardwareFacts;
import io.skerry.profile.HardwareProfile;
import io.skerry.profile.ProfileCatalog;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.ProfileId;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Matches facts to hardware profiles. */
public final class Profiles {
  private static final Gson GSON = new Gson();

  private final ProfileCatalog catalog;

  /** Of these profiles. */
  public Profiles(ProfileCatalog catalog) {
    this.catalog = catalog;
  }

  /** The profiles that this control plane knows. */
  public ProfileCatalog catalog() {
    return catalog;
  }

  /** Says that there is no profile of this id, and how there could be. */
  public String unknown(String id) {
    return "hardware profile '%.100s' is unknown: known are %s; 'skerry server --profiles DIR' takes your own"
        .formatted(
            id,
            catalog.profiles().stream().map(HardwareProfile::id).collect(Collectors.joining(", ")));
  }

  /**
   * Whether a device of these facts, as they are stored, is of a profile, also where a finer one
   * fits it.
   */
  public boolean fits(ProfileId profile, String facts) {
    Told told = GSON.fromJson(facts, Told.class);
    return catalog.profile(profile.value()).map(known -> known.matches(told.facts())).orElse(false);
  }

  // What was stored earlier may lack something.
  private record Told(
      @Nullable String arch,
      @Nullable List<String> cpuFeatures,
      int cores,
      long memoryBytes,
      @Nullable List<String> accelerators,
      @Nullable List<String> engines,
      @Nullable String board) {
    HardwareFacts facts() {
      return new HardwareFacts(
          Objects.requireNonNullElse(arch, ""),
          Objects.requireNonNullElse(cpuFeatures, List.of()),
          cores,
          memoryBytes,
          Objects.requireNonNullElse(accelerators, List.of()),
          Objects.requireNonNullElse(engines, List.of()),
          Objects.requireNonNullElse(board, ""));
    }
  }

  /** The id of the profile that fits best. */
  Optional<String> matching(DeviceFacts facts) {
    return catalog
        .bestMatch(
            new HardwareFacts(
                facts.arch(),
                facts.cpuFeatures(),
                facts.cores(),
                facts.memoryBytes(),
                facts.accelerators(),
                facts.engines(),
                facts.board()))
        .map(HardwareProfile::id);
  }
}
