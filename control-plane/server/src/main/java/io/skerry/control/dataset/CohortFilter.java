package io.skerry.control.dataset;

import com.google.gson.Gson;
import io.skerry.api.DeviceView;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Which devices belong to a cohort, as queries ask for them: {@code d.labels @> json and (profile
 * is null or d.profile = profile)}.
 *
 * @param labels that a device must have
 * @param profile that it must have; null for any
 */
public record CohortFilter(Map<String, String> labels, @Nullable String profile) {
  private static final String AND = " & ";
  private static final String PROFILE = "profile";
  private static final Gson GSON = new Gson();

  public CohortFilter {
    labels = Map.copyOf(labels);
  }

  /**
   * Reads {@code attribute=value}, or several joined by {@code &}; empty text means all devices.
   */
  public static CohortFilter of(String cohort) {
    Map<String, String> labels = new TreeMap<>();
    for (String term : cohort.split(AND, -1)) {
      int equals = term.indexOf('=');
      if (equals > 0) {
        labels.put(term.substring(0, equals), term.substring(equals + 1));
      }
    }
    String profile = labels.remove(PROFILE);
    return new CohortFilter(labels, profile);
  }

  /** The labels as JSON. */
  public String json() {
    return GSON.toJson(labels);
  }

  /** Whether a device belongs to it. */
  public boolean holds(DeviceView device) {
    return device.labels().entrySet().containsAll(labels.entrySet())
        && (profile == null || profile.equals(device.profile()));
  }
}
