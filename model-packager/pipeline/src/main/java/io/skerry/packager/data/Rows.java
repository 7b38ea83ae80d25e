package io.skerry.packager.data;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;

/** A table of numbers while it is read: every row as many, one column of them labels or none. */
final class Rows {
  private final int labelColumn;
  private final List<float[]> rows = new ArrayList<>();
  private final List<Float> labels = new ArrayList<>();
  private int width = -1;

  /** A table with these columns. */
  Rows(List<String> header) {
    labelColumn = labelColumn(header).orElse(-1);
  }

  private static OptionalInt labelColumn(List<String> header) {
    for (int i = 0; i < header.size(); i++) {
      String name = header.get(i).strip().toLowerCase(Locale.ROOT);
      if (name.equals("label") || name.equals("target")) {
        return OptionalInt.of(i);
      }
    }
    return OptionalInt.empty();
  }

  boolean isLabel(int column) {
    return column == labelColumn;
  }

  /** Adds a row; false when it has another number of values than the first. */
  boolean add(float[] values, float label) {
    if (width >= 0 && width != values.length) {
      return false;
    }
    width = values.length;
    rows.add(values);
    if (labelColumn >= 0) {
      labels.add(label);
    }
    return true;
  }

  int count() {
    return rows.size();
  }

  int columns() {
    return Math.max(0, width);
  }

  float[] values() {
    float[] all = new float[Math.multiplyExact(count(), columns())];
    for (int i = 0; i < count(); i++) {
      System.arraycopy(rows.get(i), 0, all, i * columns(), columns());
    }
    return all;
  }

  Optional<float[]> labels() {
    if (labelColumn < 0) {
      return Optional.empty();
    }
    float[] all = new float[labels.size()];
    for (int i = 0; i < all.length; i++) {
      all[i] = labels.get(i);
    }
    return Optional.of(all);
  }
}
