package io.skerry.api;

import org.jspecify.annotations.Nullable;

/**
 * One candidate for a hardware profile, and how it measured.
 *
 * @param measured where the latency comes from: here, device, emulated or none
 * @param winner whether this one was signed and is what devices of the profile get
 * @param manifest digest of the signed artifact's manifest; only of a winner
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
    @Nullable String manifest,
    @Nullable String signature,
    @Nullable String reason) {}
