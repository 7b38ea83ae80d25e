package io.skerry.control.drift;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** The cohorts that a device belongs to by its labels and its profile. */
final class Cohorts {
  private static final String BETWEEN = "\n";
  private static final Gson GSON = new Gson();

  private Cohorts() {}

  /** All of them, sorted, as one text. */
  static String of(String labels, String profile) {
    List<String> cohorts = new ArrayList<>();
    Map<String, String> read = GSON.fromJson(labels, new TypeToken<Map<String, String>>() {});
    read.forEach((name, value) -> cohorts.add(name + "=" + value));
    if (!profile.isEmpty()) {
      cohorts.add("profile=" + profile);
    }
    Collections.sort(cohorts);
    return String.join(BETWEEN, cohorts);
  }

  static List<String> split(String cohorts) {
    return cohorts.isEmpty() ? List.of() : List.of(cohorts.split(BETWEEN, -1));
  }
}
