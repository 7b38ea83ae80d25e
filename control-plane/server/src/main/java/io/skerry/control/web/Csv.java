package io.skerry.control.web;

import io.micronaut.http.HttpResponse;
import io.micronaut.http.MediaType;
import io.micronaut.http.MutableHttpResponse;
import java.lang.reflect.RecordComponent;
import java.util.List;
import java.util.Objects;

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

  /** The text of it. */
  public static <R extends Record> String text(Class<R> type, List<R> rows) {
    StringBuilder text = new StringBuilder();
    RecordComponent[] columns = type.getRecordComponents();
    for (int i = 0; i < columns.length; i++) {
      text.append(i == 0 ? "" : ",").append(columns[i].getName());
    }
    text.append("\r\n");
    for (R row : rows) {
      for (int i = 0; i < columns.length; i++) {
        text.append(i == 0 ? "" : ",").append(field(value(columns[i], row)));
      }
      text.append("\r\n");
    }
    return text.toString();
  }

  private static String value(RecordComponent column, Record row) {
    try {
      return Objects.toString(column.getAccessor().invoke(row), "");
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
