package io.skerry.api;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A part of a list.
 *
 * @param nextPageToken asks for the next part as {@code ?pageToken=}; null on the last one
 */
public record Page<T>(List<T> items, @Nullable String nextPageToken) {
  public Page {
    items = List.copyOf(items);
  }

  /** A list that fits on one page. */
  public static <T> Page<T> only(List<T> items) {
    return new Page<>(items, null);
  }
}
