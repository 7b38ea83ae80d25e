package io.skerry.api;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Asks for a token with which devices enrol.
 *
 * @param uses devices that may use it, 1 to 1,000,000
 * @param labels given to each of them; may be absent
 * @param validHours hours it is valid, 1 to 8,760; absent = 24
 * @param preauthorisedOnly whether only devices may use it that are pre-authorised by name; absent
 *     = false
 */
public record EnrolmentTokenRequest(
    int uses,
    @Nullable Map<String, String> labels,
    @Nullable Integer validHours,
    @Nullable Boolean preauthorisedOnly) {
  public EnrolmentTokenRequest(
      int uses, @Nullable Map<String, String> labels, @Nullable Integer validHours) {
    this(uses, labels, validHours, null);
  }
}
