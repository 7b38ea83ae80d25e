package io.skerry.api;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The packaging of one version for hardware profiles.
 *
 * @param error why it failed; else why some profiles get no artifact, as those of devices that the
 *     catalogue lacks
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
