package io.skerry.packager.data;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Comma-separated numbers; the first line is a header unless it is an item itself. */
final class CsvFile {
  private static final int LINE_CHARS_MAX = 1 << 22;

  private CsvFile() {}

  /** At most so many rows, evenly spread over all; no others are held. */
  static void read(Path file, int itemsMax, Rows rows) throws IOException {
    int[] chosen = Samples.spread(count(file), itemsMax);
    try (BufferedReader reader = Files.newBufferedReader(file)) {
      String first = line(file, reader, 1);
      if (first == null) {
        throw new DataRefusedException(file + ": the file is empty: give an item a line");
      }
      boolean header = !isNumbers(first);
      rows.name(header ? List.of(cells(first)) : List.of());
      int line = header ? 2 : 1;
      int item = 0;
      String text = header ? line(file, reader, line) : first;
      while (text != null && rows.count() < chosen.length) {
        if (!text.isBlank()) {
          if (item == chosen[rows.count()]) {
            add(file, rows, text, line);
            DataReader.checkSize(file, rows.count(), rows.columns());
          }
          item++;
        }
        line++;
        text = line(file, reader, line);
      }
    }
  }

  /** Rows of numbers. */
  private static int count(Path file) throws IOException {
    try (BufferedReader reader = Files.newBufferedReader(file)) {
      int count = 0;
      int line = 1;
      for (String text = line(file, reader, line);
          text != null;
          text = line(file, reader, ++line)) {
        boolean counts = !text.isBlank() && (line > 1 || isNumbers(text));
        count = Math.addExact(count, counts ? 1 : 0);
      }
      return count;
    }
  }

  private static @Nullable String line(Path file, BufferedReader reader, int line)
      throws IOException {
    StringBuilder text = new StringBuilder();
    for (int next = reader.read(); next != '\n'; next = reader.read()) {
      if (next < 0) {
        return text.isEmpty() ? null : text.toString();
      }
      if (text.length() >= LINE_CHARS_MAX) {
        throw new DataRefusedException(
            "%s: line %d has more than %d characters: give an item a line"
                .formatted(file, line, LINE_CHARS_MAX));
      }
      text.append((char) next);
    }
    return text.toString();
  }

  private static void add(Path file, Rows rows, String text, int line) {
    String[] cells = cells(text);
    float label = Float.NaN;
    float[] values = new float[cells.length];
    int count = 0;
    for (int i = 0; i < cells.length; i++) {
      float value = number(file, cells[i], line, i + 1);
      if (rows.isLabel(i)) {
        label = value;
      } else {
        values[count++] = value;
      }
    }
    if (!rows.add(java.util.Arrays.copyOf(values, count), label)) {
      throw new DataRefusedException(
          "%s: line %d has %d values, the first has %d: give as many in every line"
              .formatted(file, line, count, rows.columns()));
    }
  }

  private static String[] cells(String line) {
    return line.split(",", -1);
  }

  /** Whether a first line is an item: numbers, of which some may be missing. */
  private static boolean isNumbers(String line) {
    String[] cells = cells(line);
    boolean any = false;
    boolean counts = cells[0].isBlank();
    for (int i = 0; i < cells.length; i++) {
      String cell = cells[i].strip();
      try {
        any |= !cell.isEmpty() && !Float.isNaN(Float.parseFloat(cell));
      } catch (NumberFormatException e) {
        return false;
      }
      counts &= i == 0 || cell.equals(Integer.toString(i - 1));
    }
    // Nothing, then 0, 1, 2 and so on is how pandas heads columns without names.
    return any && !counts;
  }

  private static float number(Path file, String cell, int line, int column) {
    String text = cell.strip();
    try {
      return text.isEmpty() ? Float.NaN : Float.parseFloat(text);
    } catch (NumberFormatException e) {
      throw new DataRefusedException(
          "%s: line %d, column %d is '%s', no number: remove the column or convert it"
              .formatted(file, line, column, text.substring(0, Math.min(40, text.length()))),
          e);
    }
  }
}
