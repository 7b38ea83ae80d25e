package io.skerry.packager.measure;

import io.skerry.profile.Candidate;
import io.skerry.protocol.Digest;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Figures of one candidate of a profile.
 *
 * @param options how it was made, for people
 * @param bytes size of the file
 * @param digest of the file; absent when it could not be built
 * @param quality on the evaluation items; absent when it could not be built or run
 * @param timing absent when no machine of the profile measured it
 * @param estimatedMemoryBytes that it takes by its graph; absent where that is not known
 * @param unfused operators that the engine computes otherwise than was meant: ONNX Runtime on
 *     floats between integers, TFLite with its own kernels instead of XNNPACK's; absent where that
 *     was not looked at
 * @param failure why it could not be built or run, or must not ship
 */
public record Measured(
    Candidate candidate,
    List<String> options,
    long bytes,
    Optional<Digest> digest,
    Optional<Quality> quality,
    Optional<Timing> timing,
    OptionalLong estimatedMemoryBytes,
    Proof proof,
    Optional<List<String>> unfused,
    Optional<String> failure) {
  public Measured {
    options = List.copyOf(options);
    unfused = unfused.map(List::copyOf);
  }

  /** The same with another proof. */
  public Measured with(Proof other) {
    return new Measured(
        candidate,
        options,
        bytes,
        digest,
        quality,
        timing,
        estimatedMemoryBytes,
        other,
        unfused,
        failure);
  }

  /** The same with other times. */
  public Measured at(Optional<Timing> other) {
    return new Measured(
        candidate,
        options,
        bytes,
        digest,
        quality,
        other,
        estimatedMemoryBytes,
        proof,
        unfused,
        failure);
  }

  /** The same, which must not ship. */
  public Measured failing(String reason) {
    return new Measured(
        candidate,
        options,
        bytes,
        digest,
        quality,
        timing,
        estimatedMemoryBytes,
        proof,
        unfused,
        Optional.of(reason));
  }

  /** What a machine of the profile saw it take; absent where none did. */
  public OptionalLong measuredMemoryBytes() {
    long seen = timing.map(Timing::peakMemoryBytes).orElse(0L);
    return seen > 0 ? OptionalLong.of(seen) : OptionalLong.empty();
  }
}
