package io.skerry.api;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A registered version with its lineage: snapshot, run, metrics.
 *
 * @param source {@code run} or {@code import}
 * @param run the run that made it; absent for an import
 * @param blob digest of the model file
 * @param weights files beside it that hold weights; imports only
 */
public record ModelVersionView(
    String model,
    long version,
    String source,
    String format,
    String blob,
    List<WeightFile> weights,
    @Nullable String run,
    @Nullable String snapshot,
    @Nullable RunMetrics metrics,
    Instant createdAt,
    List<Variant> variants) {
  public ModelVersionView {
    weights = List.copyOf(weights);
    variants = List.copyOf(variants);
  }
}
