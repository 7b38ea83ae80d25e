package io.skerry.control.audit;

/**
 * Who acts.
 *
 * @param name a user, or {@code system:<feature>} for what the control plane does by itself
 * @param requestId of the HTTP request, empty when there was none
 */
public record Actor(String name, String requestId) {
  /** The control plane itself, acting by a feature. */
  public static Actor system(String feature) {
    return new Actor("system:" + feature, "");
  }
}
