package io.skerry.control.device;

import io.skerry.profile.HardwareFacts;
import io.skerry.profile.HardwareProfile;
import io.skerry.profile.ProfileCatalog;
import io.skerry.protocol.DeviceFacts;
import jakarta.inject.Singleton;
import java.util.Optional;

/** Matches facts to hardware profiles. */
@Singleton
public final class Profiles {
  private final ProfileCatalog catalog = ProfileCatalog.builtIn();

  /** The profiles that this control plane knows. */
  public ProfileCatalog catalog() {
    return catalog;
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
