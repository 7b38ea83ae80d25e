package io.skerry.control.ingest;

import io.skerry.api.ToldOutcome;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Outcomes as CSV.
 *
 * <pre>
 * device,prediction_id,client_id,actual,outcome_at
 * cam-1,p-17,,1,2026-11-27T03:00:00Z
 * </pre>
 *
 * <p>The first line names the columns, in any order: {@code device}, {@code actual}, and at least
 * one of the two ids. Fields may stand in double quotes; {@code outcome_at} is ISO 8601 in UTC.
 */
final class OutcomeCsv {
  private static final List<String> COLUMNS =
      List.of("device", "prediction_id", "client_id", "actual", "outcome_at");
  private static final int WRONG_SHOWN_MAX = 20;

  private OutcomeCsv() {}

  static List<ToldOutcome> read(String text) {
    List<String> lines = text.lines().toList();
    if (lines.isEmpty()) {
      throw invalid("the file is empty: its first line names the columns");
    }
    List<String> header = fields(withoutMark(lines.getFirst()));
    for (String name : header) {
      if (!COLUMNS.contains(name)) {
        throw invalid(
            "unknown column '%s': known are %s".formatted(name, String.join(", ", COLUMNS)));
      }
    }
    if (!header.contains("device") || !header.contains("actual")) {
      throw invalid("columns device and actual are needed, found " + String.join(", ", header));
    }
    List<ToldOutcome> outcomes = new ArrayList<>();
    List<String> wrong = new ArrayList<>();
    for (int i = 1; i < lines.size() && wrong.size() < WRONG_SHOWN_MAX; i++) {
      if (lines.get(i).isBlank()) {
        continue;
      }
      if (outcomes.size() == Outcomes.AT_ONCE_MAX) {
        throw invalid("more than %d lines: split the file".formatted(Outcomes.AT_ONCE_MAX));
      }
      try {
        outcomes.add(outcome(header, fields(lines.get(i))));
      } catch (IllegalArgumentException e) {
        wrong.add("line %d: %s".formatted(i + 1, e.getMessage()));
      }
    }
    if (!wrong.isEmpty()) {
      throw invalid("nothing was stored; " + String.join("; ", wrong));
    }
    return outcomes;
  }

  private static ToldOutcome outcome(List<String> header, List<String> fields) {
    if (fields.size() != header.size()) {
      throw new IllegalArgumentException(
          "%d fields, not %d".formatted(fields.size(), header.size()));
    }
    Map<String, String> row = new HashMap<>();
    for (int i = 0; i < header.size(); i++) {
      row.put(header.get(i), fields.get(i));
    }
    return new ToldOutcome(
        row.getOrDefault("device", ""),
        row.get("prediction_id"),
        row.get("client_id"),
        number(row.getOrDefault("actual", "")),
        moment(row.getOrDefault("outcome_at", "")));
  }

  private static double number(String text) {
    try {
      return Double.parseDouble(text);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("actual '%s' is no number".formatted(text), e);
    }
  }

  private static @Nullable Instant moment(String text) {
    try {
      return text.isEmpty() ? null : Instant.parse(text);
    } catch (DateTimeParseException e) {
      throw new IllegalArgumentException(
          "outcome_at '%s' is no time such as 2026-11-27T03:00:00Z".formatted(text), e);
    }
  }

  private static List<String> fields(String line) {
    List<String> fields = new ArrayList<>();
    StringBuilder field = new StringBuilder();
    boolean quoted = false;
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      if (c == '"' && quoted && i + 1 < line.length() && line.charAt(i + 1) == '"') {
        field.append('"');
        i++;
      } else if (c == '"') {
        quoted = !quoted;
      } else if (c == ',' && !quoted) {
        fields.add(field.toString().strip());
        field.setLength(0);
      } else {
        field.append(c);
      }
    }
    fields.add(field.toString().strip());
    return fields;
  }

  private static String withoutMark(String line) {
    return line.startsWith("\uFEFF") ? line.substring(1) : line;
  }

  private static ProblemException invalid(String what) {
    return new ProblemException(ErrorCode.REQUEST_INVALID, what);
  }
}
