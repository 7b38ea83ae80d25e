package io.skerry.control.sql;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Rows as one array a column, for {@code from unnest(?::text[], ?::bigint[]) as t (name, n)}: one
 * statement for many rows. Moments are handed over as text, to be cast to timestamptz.
 */
public final class Columns {
  private final List<List<@Nullable Object>> columns = new ArrayList<>();

  /** Rows of so many columns. */
  public Columns(int width) {
    for (int column = 0; column < width; column++) {
      columns.add(new ArrayList<>());
    }
  }

  /** Adds a row: texts, longs or nulls. */
  public void add(@Nullable Object... row) {
    if (row.length != columns.size()) {
      throw new IllegalArgumentException(
          "%d values for %d columns".formatted(row.length, columns.size()));
    }
    for (int column = 0; column < row.length; column++) {
      columns.get(column).add(row[column]);
    }
  }

  /** Whether there is no row. */
  public boolean isEmpty() {
    return columns.getFirst().isEmpty();
  }

  /** The arrays, then further parameters. */
  public @Nullable Object[] and(@Nullable Object... more) {
    List<@Nullable Object> all = new ArrayList<>();
    for (Collection<?> column : columns) {
      all.add(column);
    }
    all.addAll(Arrays.asList(more));
    return all.toArray();
  }

  /** A further parameter, then the arrays. */
  public @Nullable Object[] after(@Nullable Object first) {
    List<@Nullable Object> all = new ArrayList<>();
    all.add(first);
    all.addAll(Arrays.asList(and()));
    return all.toArray();
  }
}
