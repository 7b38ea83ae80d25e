package io.skerry.agent.boot;

import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.ProfileOptions;
import io.skerry.profile.Engine;
import io.skerry.profile.HardwareProfile;
import io.skerry.profile.ProfileCatalog;
import io.skerry.profile.ProfileMatch;
import io.skerry.runtime.EngineStatus;
import io.skerry.runtime.LoadOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What the doctor says of each hardware profile: whether it fits, and what runs models by it. */
final class DoctorProfiles {
  private DoctorProfiles() {}

  static List<String> lines(ProfileCatalog catalog, Detected detected, EngineCatalog engines) {
    Optional<HardwareProfile> best = catalog.bestMatch(detected.facts());
    List<String> lines = new ArrayList<>();
    best.ifPresentOrElse(
        profile -> lines.add(used(profile, catalog, detected, engines)),
        () -> lines.add("none fits: models for any of these profiles are refused here"));
    for (HardwareProfile profile : catalog.profiles()) {
      if (best.filter(profile::equals).isEmpty()) {
        lines.add(other(profile, detected));
      }
    }
    return lines;
  }

  private static String used(
      HardwareProfile profile, ProfileCatalog catalog, Detected detected, EngineCatalog engines) {
    List<String> lower =
        catalog.profiles().stream()
            .filter(one -> !one.equals(profile) && one.matches(detected.facts()))
            .map(HardwareProfile::id)
            .toList();
    StringBuilder text = new StringBuilder();
    text.append(
        "%s is used: %s; at most %d thread%s"
            .formatted(
                profile.id(),
                lower.isEmpty()
                    ? "no other fits"
                    : "its priority %d is the highest of those that fit, before %s"
                        .formatted(profile.recognition().priority(), String.join(", ", lower)),
                profile.threads(),
                profile.threads() == 1 ? "" : "s"));
    if (profile.engine().acceleratorOnly()) {
      text.append("; models that would need the processor are refused");
    }
    for (Engine engine : profile.engines()) {
      text.append("; ").append(runs(profile, engine, engines));
    }
    return text.toString();
  }

  /** The very options that models are loaded with, and what an engine made of them. */
  private static String runs(HardwareProfile profile, Engine engine, EngineCatalog engines) {
    if (engines.status(engine.text()) instanceof EngineStatus.Unavailable) {
      return engine.text() + " is not usable";
    }
    LoadOptions options = ProfileOptions.of(profile, engine, profile.threads(), Optional.empty());
    List<String> found = new ArrayList<>();
    Optional<String> fault =
        Detected.trial(
            engines,
            engine.text(),
            options,
            loaded -> {
              found.addAll(loaded.providers());
              return loaded.faults().isEmpty()
                  ? Optional.empty()
                  : Optional.of("not as asked: " + String.join("; ", loaded.faults()));
            });
    String asked = options.providers().isEmpty() ? "" : " of " + options.providers();
    return found.isEmpty()
        ? "%s: %s".formatted(engine.text(), fault.orElse("no provider"))
        : "%s runs on %s%s%s"
            .formatted(engine.text(), found, asked, fault.map(text -> ", " + text).orElse(""));
  }

  private static String other(HardwareProfile profile, Detected detected) {
    ProfileMatch match = profile.match(detected.facts());
    return match.matches()
        ? "%s fits, too, with a lower priority: models for it run here".formatted(profile.id())
        : "%s does not fit: %s%s"
            .formatted(profile.id(), match.reason(), detected.because(profile));
  }
}
