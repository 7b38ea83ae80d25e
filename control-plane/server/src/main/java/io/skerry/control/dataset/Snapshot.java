package io.skerry.control.dataset;

import io.skerry.protocol.Digest;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A frozen training set.
 *
 * @param digest of its content; also its id
 * @param parent the snapshot it grew from
 * @param repeat how often a collected training window is learned from
 * @param classes that labels name: 0 to this less 1; of two, 1 is the positive one
 * @param slice what the collected windows of the slice have in common, as in {@code site=b}
 */
public record Snapshot(
    Digest digest,
    String dataset,
    @Nullable Digest parent,
    int window,
    int repeat,
    int classes,
    List<String> features,
    @Nullable String seriesFile,
    @Nullable String collectedFile,
    @Nullable String slice,
    int examples,
    int train,
    int validation,
    int test,
    Instant createdAt) {
  public Snapshot {
    features = List.copyOf(features);
  }
}
