package io.skerry.api;

import java.time.Instant;
import java.util.Map;

/**
 * An enrolment token without its secret.
 *
 * @param uses devices that could use it when it was made
 * @param usesLeft devices that can still use it
 */
public record EnrolmentTokenView(
    long id,
    int uses,
    int usesLeft,
    Map<String, String> labels,
    boolean preauthorisedOnly,
    String createdBy,
    Instant createdAt,
    Instant expiresAt) {
  public EnrolmentTokenView {
    labels = Map.copyOf(labels);
  }
}
