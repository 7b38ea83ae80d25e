package io.skerry.api;

import java.util.Map;

/**
 * Names a selector.
 *
 * @param selector labels that a device must all have; at least one
 */
public record CohortRequest(Map<String, String> selector) {
  public CohortRequest {
    selector = Map.copyOf(selector);
  }
}
