package io.skerry.simulator.disk;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Content of one file: as it reads now, and what a power cut would leave. Kept in pages that both
 * share until one of them changes, as they share the list of them; a page of zeros takes no room,
 * and zeros at the end of a page do not, either.
 */
final class MemoryFile {
  private static final int PAGE_BYTES = 512;
  private static final int PAGE_STEP = 32;
  private static final byte[] @Nullable [] NO_PAGES = {};

  private byte[] @Nullable [] pages = NO_PAGES;
  private int size;
  private byte[] @Nullable [] forcedPages = NO_PAGES;
  private int forcedSize;
  private final List<Change> unforced = new ArrayList<>(0);
  // Pages that forcing failed for: no later force brings them to the disk, until they are written.
  private BitSet lost = new BitSet(0);

  private sealed interface Change {
    record Write(long at, ByteBuffer bytes) implements Change {}

    record Truncate(long size) implements Change {}
  }

  /** The same content, of which neither shows what becomes of the other. */
  MemoryFile copy() {
    MemoryFile copy = new MemoryFile();
    copy.size = size;
    copy.forcedSize = forcedSize;
    copy.unforced.addAll(unforced);
    copy.lost = (BitSet) lost.clone();
    copy.forcedPages = forcedPages.clone();
    copy.pages = pages == forcedPages ? copy.forcedPages : pages.clone();
    for (int i = 0; i < pages.length; i++) {
      boolean forced = i < forcedPages.length && pages[i] == forcedPages[i];
      // What is forced is written by nobody.
      if (!forced && pages[i] != null) {
        copy.pages[i] = pages[i].clone();
      }
    }
    return copy;
  }

  int size() {
    return size;
  }

  byte[] content() {
    byte[] content = new byte[size];
    read(content, 0);
    return content;
  }

  int read(byte[] into, long at) {
    int count = (int) Math.max(0, Math.min(into.length, size - at));
    int done = 0;
    while (done < count) {
      int position = (int) at + done;
      int offset = position % PAGE_BYTES;
      int length = Math.min(PAGE_BYTES - offset, count - done);
      byte[] page = pages[position / PAGE_BYTES];
      int there = page == null ? 0 : Math.clamp(page.length - offset, 0, length);
      if (there > 0) {
        System.arraycopy(page, offset, into, done, there);
      }
      Arrays.fill(into, done + there, done + length, (byte) 0);
      done += length;
    }
    return count;
  }

  void write(byte[] bytes, long at) {
    Change write = new Change.Write(at, ByteBuffer.wrap(bytes));
    apply(write);
    unforced.add(write);
  }

  void truncate(long to) {
    if (to < size) {
      apply(new Change.Truncate(to));
      unforced.add(new Change.Truncate(to));
    }
  }

  void force() {
    if (lost.isEmpty()) {
      forcedPages = pages;
    } else {
      byte[] @Nullable [] before = forcedPages;
      forcedPages = pages.clone();
      lost.stream()
          .filter(page -> page < forcedPages.length)
          .forEach(page -> forcedPages[page] = page < before.length ? before[page] : null);
    }
    forcedSize = size;
    unforced.clear();
  }

  /** What was to be forced reads as it was written, and counts as being on the disk: it is not. */
  void forceFails() {
    for (int i = 0; i < pages.length; i++) {
      boolean forced = i < forcedPages.length && pages[i] == forcedPages[i];
      if (!forced && pages[i] != null) {
        lost.set(i);
      }
    }
    unforced.clear();
  }

  /** Shares pages that are on the disk with every file that holds the same. */
  void share(PagePool pool) {
    for (int i = 0; i < Math.min(pages.length, forcedPages.length); i++) {
      byte[] page = pages[i];
      if (page != null && page == forcedPages[i]) {
        byte[] shared = pool.shared(page);
        pages[i] = shared;
        forcedPages[i] = shared;
      }
    }
  }

  void flipBit(long bit) {
    int at = (int) (bit / 8);
    byte[] page = writable(at / PAGE_BYTES, at % PAGE_BYTES + 1);
    page[at % PAGE_BYTES] ^= (byte) (1 << (bit % 8));
    force();
  }

  /**
   * A power cut: any of the changes since the last force may have reached the disk, or half of one.
   */
  void losePower(RandomGenerator random, boolean everything) {
    List<Change> changes = List.copyOf(unforced);
    pages = forcedPages;
    size = forcedSize;
    lost.clear();
    unforced.clear();
    if (!everything) {
      for (Change change : changes) {
        switch (random.nextInt(3)) {
          case 0 -> apply(change);
          case 1 -> apply(torn(change));
          default -> {}
        }
      }
    }
    force();
  }

  private static Change torn(Change change) {
    return switch (change) {
      case Change.Write(long at, ByteBuffer bytes) ->
          new Change.Write(at, bytes.slice(0, bytes.limit() / 2));
      case Change.Truncate truncate -> truncate;
    };
  }

  private void apply(Change change) {
    switch (change) {
      case Change.Write(long at, ByteBuffer bytes) -> write(bytes, Math.toIntExact(at));
      case Change.Truncate(long to) -> {
        if (to < size) {
          cut((int) to);
        }
      }
    }
  }

  private void write(ByteBuffer bytes, int at) {
    int end = Math.addExact(at, bytes.limit());
    grow(end);
    int done = 0;
    while (done < bytes.limit()) {
      int position = at + done;
      int offset = position % PAGE_BYTES;
      int length = Math.min(PAGE_BYTES - offset, bytes.limit() - done);
      if (pages[position / PAGE_BYTES] != null || !isZero(bytes, done, length)) {
        bytes.get(done, writable(position / PAGE_BYTES, offset + length), offset, length);
      }
      done += length;
    }
    size = Math.max(size, end);
  }

  private static boolean isZero(ByteBuffer bytes, int from, int length) {
    for (int i = from; i < from + length; i++) {
      if (bytes.get(i) != 0) {
        return false;
      }
    }
    return true;
  }

  private void grow(int end) {
    int needed = (end + PAGE_BYTES - 1) / PAGE_BYTES;
    if (needed > pages.length) {
      pages = Arrays.copyOf(pages, needed);
    }
  }

  /** A page of this file alone, of so many bytes at least. */
  private byte[] writable(int number, int bytes) {
    if (!lost.isEmpty()) {
      lost.clear(number);
    }
    byte[] page = pages[number];
    boolean forced = number < forcedPages.length && page == forcedPages[number];
    if (page == null || forced || page.length < bytes) {
      int there = page == null ? 0 : page.length;
      int room = Math.max(there, (bytes + PAGE_STEP - 1) / PAGE_STEP * PAGE_STEP);
      page = page == null ? new byte[room] : Arrays.copyOf(page, room);
      pages = pages == forcedPages ? pages.clone() : pages;
      pages[number] = page;
    }
    return page;
  }

  private void cut(int to) {
    int kept = (to + PAGE_BYTES - 1) / PAGE_BYTES;
    pages = Arrays.copyOf(pages, kept);
    if (!lost.isEmpty()) {
      lost.clear(kept, Math.max(kept, lost.length()));
    }
    // What is cut off must not come back when the file grows again.
    byte[] last = to % PAGE_BYTES == 0 ? null : pages[kept - 1];
    if (last != null && last.length > to % PAGE_BYTES) {
      pages[kept - 1] = Arrays.copyOf(last, to % PAGE_BYTES);
    }
    size = to;
  }
}
