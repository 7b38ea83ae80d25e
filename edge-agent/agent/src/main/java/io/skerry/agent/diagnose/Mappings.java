package io.skerry.agent.diagnose;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Resident memory by what a mapping is of, from Linux' {@code /proc/PID/smaps}. The kernel names
 * files only; whose an unnamed mapping is shows in where it lies and what may be done with it:
 *
 * <pre>
 *  within the heap's range                             Java heap
 *  may be executed                                     compiled code
 *  right above a guard of at most 64 KiB               stack of a thread
 *  begins at a multiple of 64 MiB, and what is left
 *  of these 64 MiB follows without any rights          malloc, a further arena
 *  [heap]                                              malloc
 *  anything else                                       the JVM's own, and malloc's large blocks
 * </pre>
 */
final class Mappings {
  static final String HEAP = "Java heap";
  static final String CODE = "code that the JVM compiled";
  static final String STACKS = "stacks of threads";
  static final String MALLOC = "malloc: engines, direct buffers, the JVM's own";
  static final String REST =
      "unnamed: classes, collector, malloc's large blocks (see what was allocated, below)";

  private static final Pattern MAPPING =
      Pattern.compile("([0-9a-f]+)-([0-9a-f]+) (\\S{4}) \\S+ \\S+ \\S+ *(.*)");
  private static final Pattern RANGE =
      Pattern.compile("\\[0x([0-9a-f]+), ?0x[0-9a-f]+, ?0x([0-9a-f]+)\\)");
  private static final Pattern SHORT_RANGE = Pattern.compile("\\[0x([0-9a-f]+), ?0x([0-9a-f]+)\\)");
  private static final long ARENA_BYTES = 64L << 20;
  private static final long GUARD_BYTES_MAX = 64 << 10;

  /** Where the Java heap lies: addresses, the last one not in it. */
  record Range(long from, long to) {
    static final Range NONE = new Range(0, 0);

    /** From what the JVM tells of its heap, whichever collector it has. */
    static Range ofHeapInfo(String info) {
      Range range = spanned(RANGE.matcher(info), NONE);
      return spanned(SHORT_RANGE.matcher(info), range);
    }

    private static Range spanned(Matcher found, Range before) {
      Range range = before;
      while (found.find()) {
        long from = Long.parseUnsignedLong(found.group(1), 16);
        long to = Long.parseUnsignedLong(found.group(2), 16);
        range =
            range.equals(NONE)
                ? new Range(from, to)
                : new Range(Math.min(from, range.from), Math.max(to, range.to));
      }
      return range;
    }

    boolean holds(long address) {
      return from <= address && address < to;
    }
  }

  private record Mapping(long from, long to, String rights, String name) {
    boolean isClosed() {
      return rights.startsWith("---") && name.isEmpty();
    }

    boolean isGuard() {
      return isClosed() && to - from <= GUARD_BYTES_MAX;
    }
  }

  private final Range heap;
  private final Map<String, long[]> owners = new HashMap<>();
  private long[] current = {0, 0};
  private Mapping before = new Mapping(0, 0, "", "");
  // Whether it is an arena only the mapping after it says.
  private Mapping undecided = before;
  private long[] undecidedSizes = {0, 0};

  private Mappings(Range heap) {
    this.heap = heap;
  }

  /**
   * Sums by owner.
   *
   * @return owner to resident and anonymous KB
   */
  static Map<String, long[]> owners(List<String> smaps, Range heap) {
    Mappings mappings = new Mappings(heap);
    smaps.forEach(mappings::line);
    mappings.decide(new Mapping(0, 0, "", ""));
    mappings.owners.values().removeIf(sizes -> sizes[0] == 0);
    return mappings.owners;
  }

  private void line(String line) {
    if (line.startsWith("Rss:")) {
      current[0] += kilobytes(line);
    } else if (line.startsWith("Anonymous:")) {
      current[1] += kilobytes(line);
    } else {
      Matcher mapping = MAPPING.matcher(line);
      if (mapping.matches()) {
        next(
            new Mapping(
                Long.parseUnsignedLong(mapping.group(1), 16),
                Long.parseUnsignedLong(mapping.group(2), 16),
                mapping.group(3),
                mapping.group(4).strip()));
      }
    }
  }

  private void next(Mapping mapping) {
    decide(mapping);
    if (mapping.name().isEmpty()
        && mapping.from() % ARENA_BYTES == 0
        && mapping.rights().startsWith("rw-p")
        && !heap.holds(mapping.from())) {
      undecided = mapping;
      undecidedSizes = new long[2];
      current = undecidedSizes;
    } else {
      current = sizes(owner(mapping));
    }
    before = mapping;
  }

  private void decide(Mapping after) {
    boolean full = undecided.to() - undecided.from() == ARENA_BYTES;
    boolean rest =
        after.isClosed()
            && after.from() == undecided.to()
            && after.to() - undecided.from() == ARENA_BYTES;
    long[] sizes = sizes(full || rest ? MALLOC : REST);
    sizes[0] += undecidedSizes[0];
    sizes[1] += undecidedSizes[1];
    undecided = new Mapping(0, 0, "", "");
    undecidedSizes = new long[2];
  }

  private long[] sizes(String owner) {
    return owners.computeIfAbsent(owner, unseen -> new long[2]);
  }

  private String owner(Mapping mapping) {
    String name = mapping.name();
    if (name.equals("[heap]")) {
      return MALLOC;
    }
    if (!name.isEmpty()) {
      return name.startsWith("[") ? name : name.substring(name.lastIndexOf('/') + 1);
    }
    if (heap.holds(mapping.from())) {
      return HEAP;
    }
    if (mapping.rights().contains("x")) {
      return CODE;
    }
    return before.isGuard() && before.to() == mapping.from() && mapping.rights().startsWith("rw")
        ? STACKS
        : REST;
  }

  private static long kilobytes(String line) {
    return Long.parseLong(line.replaceAll("[^0-9]", ""));
  }
}
