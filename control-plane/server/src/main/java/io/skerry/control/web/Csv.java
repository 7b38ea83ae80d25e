package io.skerry.control.web;

import io.micronaut.http.HttpResponse;
import io.micronaut.http.MediaType;
import io.micronaut.http.MutableHttpResponse;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Lists of records as CSV (RFC 4180): a line of names, then a line for each. */
public final class Csv {
  private static final MediaType TYPE = MediaType.of("text/csv;charset=utf-8");

  private Csv() {}

  /** A file to download. */
  public static <R extends Record> MutableHttpResponse<String> file(
      String name, Class<R> type, List<R> rows) {
    return HttpResponse.ok(text(type, rows))
        .contentType(TYPE)
        .header("Content-Disposition", "attachment; filename=\"%s.csv\"".formatted(name));
  }

  /** The text of it; a record within a row has a column for each of its parts. */
  public static <R extends Record> String text(Class<R> type, List<R> rows) {
    StringBuilder text = new StringBuilder(String.join(",", names(type, ""))).append("\r\n");
    for (R row : rows) {
      List<String> fields = new ArrayList<>();
      values(type, row, fields);
      text.append(String.join(",", fields)).append("\r\n");
    }
    return text.toString();
  }

  private static List<String> names(Class<?> type, String within) {
    List<String> names = new ArrayList<>();
    for (RecordComponent column : type.getRecordComponents()) {
      String name = within + column.getName();
      if (column.getType().isRecord()) {
        names.addAll(names(column.getType(), name + "."));
      } else {
        names.add(name);
      }
    }
    return names;
  }

  private static void values(Class<?> type, @Nullable Object row, List<String> fields) {
    for (RecordComponent column : type.getRecordComponents()) {
      Object value = row == null ? null : value(column, row);
      if (column.getType().isRecord()) {
        values(column.getType(), value, fields);
      } else {
        fields.add(field(Objects.toString(value, "")));
      }
    }
  }

  private static @Nullable Object value(RecordComponent column, Object row) {
    try {
      return column.getAccessor().invoke(row);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("column '%s' cannot be read".formatted(column), e);
    }
  }

  // A leading sign of a formula would make a spreadsheet compute what a device named.
  private static String field(String value) {
    String safe = value.matches("(?s)[=+@\\t\\r].*|-[^0-9.].*") ? "'" + value : value;
    return safe.matches("(?s).*[\",\\r\\n].*") ? '"' + safe.replace("\"", "\"\"") + '"' : safe;
  }
}
