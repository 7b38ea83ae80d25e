package io.skerry.simulator.disk;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Pages and names that many disks hold alike, kept once: every device of a fleet has the same
 * artifacts. What is full keeps what it has.
 */
public final class PagePool {
  /** Pages that are kept. */
  static final int PAGES_MAX = 4096;

  /** Names that are kept. */
  static final int NAMES_MAX = 4096;

  private final Map<Content, byte[]> pages = new HashMap<>();
  private final Map<Path, Path> names = new HashMap<>();
  private final Map<Path, Place> places = new HashMap<>();

  /**
   * Where a path leads.
   *
   * @param key the whole path
   * @param folder that it is in; null of the root
   */
  record Place(Path key, @Nullable Path folder) {}

  private static final class Content {
    private final byte[] bytes;
    private final int hash;

    Content(byte[] bytes) {
      this.bytes = bytes;
      this.hash = Arrays.hashCode(bytes);
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Content content && Arrays.equals(bytes, content.bytes);
    }

    @Override
    public int hashCode() {
      return hash;
    }
  }

  /** A page of this content, which nobody may change from now on. */
  byte[] shared(byte[] page) {
    Content content = new Content(page);
    byte[] known = pages.get(content);
    if (known != null) {
      return known;
    }
    if (pages.size() < PAGES_MAX) {
      pages.put(content, page);
    }
    return page;
  }

  /** Where a path leads: whoever works on a disk asks for the same few again and again. */
  Place place(Path path) {
    Place known = places.get(path);
    if (known == null) {
      if (places.size() >= NAMES_MAX) {
        places.clear();
      }
      Path key = path.toAbsolutePath().normalize();
      known = new Place(key, key.getParent());
      places.put(path, known);
    }
    return known;
  }

  /** A path equal to this one. */
  Path shared(Path name) {
    Path known = names.get(name);
    if (known != null) {
      return known;
    }
    if (names.size() < NAMES_MAX) {
      names.put(name, name);
    }
    return name;
  }
}
