package io.skerry.api;

import java.util.Map;

/**
 * A named selector over devices.
 *
 * @param selector labels that a device must all have
 * @param devices that have them now
 */
public record Cohort(String name, Map<String, String> selector, int devices) {
  public Cohort {
    selector = Map.copyOf(selector);
  }
}
