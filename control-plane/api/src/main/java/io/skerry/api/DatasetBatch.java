package io.skerry.api;

import java.time.Instant;
import java.util.List;

/**
 * A stored batch of training data and the snapshot it was frozen into.
 *
 * @param snapshot digest of the content, {@code sha256:...}: what a run is started with
 * @param rows rows as given
 * @param examples windows cut from them; {@code train}, {@code validation} and {@code test} add up
 *     to it
 */
public record DatasetBatch(
    String name,
    String batch,
    String snapshot,
    Instant createdAt,
    long rows,
    int devices,
    int examples,
    int train,
    int validation,
    int test,
    int window,
    List<String> features) {
  public DatasetBatch {
    features = List.copyOf(features);
  }
}
