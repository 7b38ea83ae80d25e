package io.skerry.api;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One candidate for a hardware profile, and how it measured.
 *
 * @param options how it was made, for people
 * @param quality absent when it could not be built or run
 * @param timing absent when no machine of the profile measured it
 * @param measured where the timing comes from: here, device, emulated or none
 * @param winner whether this one was chosen for the profile
 * @param state whether devices can get it
 * @param manifest digest of the artifact's manifest; only of a winner
 * @param signature digest of the envelope that signs the manifest; only of a released winner
 * @param reason why it was chosen or not
 */
public record Variant(
    String profile,
    String engine,
    String precision,
    List<String> options,
    long bytes,
    @Nullable VariantQuality quality,
    @Nullable VariantTiming timing,
    String measured,
    boolean winner,
    VariantState state,
    @Nullable String manifest,
    @Nullable String signature,
    @Nullable String reason) {
  public Variant {
    options = List.copyOf(options);
  }
}
