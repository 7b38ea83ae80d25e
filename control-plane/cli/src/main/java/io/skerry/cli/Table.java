package io.skerry.cli;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;

/** Rows in columns, aligned by spaces; no column title has a space in it. */
final class Table {
  private final List<String> titles;
  private final List<List<String>> rows = new ArrayList<>();

  Table(List<String> titles) {
    this.titles = List.copyOf(titles);
  }

  void add(List<String> row) {
    rows.add(row.stream().map(Table::printable).toList());
  }

  void print(PrintWriter out) {
    int[] widths = new int[titles.size()];
    for (int i = 0; i < widths.length; i++) {
      widths[i] = titles.get(i).length();
      for (List<String> row : rows) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    out.println(line(titles, widths));
    rows.forEach(row -> out.println(line(row, widths)));
  }

  /** The text without anything that could steer a terminal. */
  static String printable(String text) {
    return text.replaceAll("[\\p{Cntrl}\\p{Cf}]", "?");
  }

  private static String line(List<String> cells, int[] widths) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < widths.length; i++) {
      line.append(cells.get(i));
      if (i < widths.length - 1) {
        line.append(" ".repeat(widths[i] - cells.get(i).length() + 3));
      }
    }
    return line.toString().stripTrailing();
  }
}
