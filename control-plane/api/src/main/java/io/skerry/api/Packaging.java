package io.skerry.api;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The packaging of one version for hardware profiles.
 *
 * @param error why it failed; of one that succeeded, why some of its profiles got no artifact
 */
public record Packaging(
    String model,
    long version,
    WorkState state,
    List<String> profiles,
    @Nullable Progress progress,
    List<Variant> variants,
    @Nullable WorkError error) {
  public Packaging {
    profiles = List.copyOf(profiles);
    variants = List.copyOf(variants);
  }
}
