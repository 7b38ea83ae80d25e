package io.skerry.api;

import org.jspecify.annotations.Nullable;

/**
 * One candidate for a hardware profile, and how it measured.
 *
 * @param measured where the latency comes from: here, device, emulated or none
 * @param winner whether this one was chosen for the profile
 * @param state whether devices can get it
 * @param manifest digest of the artifact's manifest; only of a winner
 * @param signature digest of the envelope that signs the manifest; only of a released winner
 */
public record Variant(
    String profile,
    String engine,
    String precision,
    long bytes,
    @Nullable Double rocAuc,
    @Nullable Double p50Micros,
    String measured,
    boolean winner,
    VariantState state,
    @Nullable String manifest,
    @Nullable String signature,
    @Nullable String reason) {}
