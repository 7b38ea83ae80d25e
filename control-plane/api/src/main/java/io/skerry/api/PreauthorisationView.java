package io.skerry.api;

import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A pre-authorised device.
 *
 * @param usedAt when it enrolled; null before
 */
public record PreauthorisationView(
    String device,
    @Nullable String keySha256,
    Map<String, String> labels,
    String createdBy,
    Instant createdAt,
    @Nullable Instant usedAt) {
  public PreauthorisationView {
    labels = Map.copyOf(labels);
  }
}
