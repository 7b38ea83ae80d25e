package io.skerry.packager.measure;

import io.skerry.profile.Candidate;
import java.util.Optional;

/**
 * Figures of one candidate of a profile.
 *
 * @param bytes size of the file
 * @param metric its metric on the evaluation data; absent when it could not be built or run
 * @param p50Micros median time of one call; absent when this machine is none of the profile
 * @param failure why it could not be built or run
 */
public record Measured(
    Candidate candidate,
    long bytes,
    Optional<Double> metric,
    Optional<Double> p50Micros,
    Optional<String> failure) {}
