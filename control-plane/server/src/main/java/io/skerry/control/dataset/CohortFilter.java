package io.skerry.control.dataset;

import com.google.gson.Gson;
import io.skerry.api.DeviceView;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import io.skerry.telemetry.drift.Cohort;
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
   * Reads {@code attribute=value}, or several joined by {@code &}; {@code fleet} and empty text
   * mean all devices.
   *
   * @throws ProblemException if the text has another form
   */
  public static CohortFilter of(String cohort) {
    if (cohort.isEmpty() || cohort.equals(Cohort.FLEET.toString())) {
      return new CohortFilter(Map.of(), null);
    }
    Map<String, String> labels = new TreeMap<>();
    for (String term : cohort.split(AND, -1)) {
      int equals = term.indexOf('=');
      if (equals < 1 || labels.put(term.substring(0, equals), term.substring(equals + 1)) != null) {
        throw new ProblemException(
            ErrorCode.REQUEST_INVALID,
            "cohort '%.200s' must be ATTRIBUTE=VALUE, several of them joined by '%s', or '%s'"
                .formatted(cohort, AND, Cohort.FLEET));
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
