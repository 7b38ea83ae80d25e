package io.skerry.agent.diagnose;

import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.management.JMException;
import javax.management.ObjectName;

/** Where memory is: what the kernel has mapped, by owner, and what the JVM knows of its own. */
final class MemoryPage {
  private static final int CLASSES = 25;

  private MemoryPage() {}

  static String of() throws IOException {
    StringBuilder page = new StringBuilder();
    page.append("resident memory by owner, KB (of it anonymous)\n");
    owners(Files.readAllLines(Path.of("/proc/self/smaps"))).entrySet().stream()
        .sorted(Comparator.comparingLong(entry -> -entry.getValue()[0]))
        .forEach(
            entry ->
                page.append(
                    String.format(
                        Locale.ROOT,
                        "%10d %10d  %s%n",
                        entry.getValue()[0],
                        entry.getValue()[1],
                        entry.getKey())));
    page.append("\nJVM pools, KB used (committed)\n");
    for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans()) {
      page.append(
          String.format(
              Locale.ROOT,
              "%10d %10d  %s%n",
              pool.getUsage().getUsed() >> 10,
              pool.getUsage().getCommitted() >> 10,
              pool.getName()));
    }
    for (BufferPoolMXBean pool : ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class)) {
      page.append(
          String.format(
              Locale.ROOT,
              "%10d %10d  buffers, %s%n",
              pool.getMemoryUsed() >> 10,
              pool.getTotalCapacity() >> 10,
              pool.getName()));
    }
    page.append("\nheap by class, largest first\n").append(histogram());
    return page.toString();
  }

  /**
   * Sums {@code smaps} by what a mapping is of.
   *
   * @return owner to resident and anonymous KB
   */
  static Map<String, long[]> owners(List<String> smaps) {
    Map<String, long[]> owners = new HashMap<>();
    long[] current = {0, 0};
    for (String line : smaps) {
      if (line.startsWith("Rss:")) {
        current[0] += kilobytes(line);
      } else if (line.startsWith("Anonymous:")) {
        current[1] += kilobytes(line);
      } else if (line.matches("[0-9a-f]+-[0-9a-f]+ .*")) {
        current = owners.computeIfAbsent(owner(line), unseen -> new long[2]);
      }
    }
    owners.values().removeIf(sizes -> sizes[0] == 0);
    return owners;
  }

  // Address, permissions, offset, device, inode, and, where there is one, the name.
  private static String owner(String mapping) {
    String[] fields = mapping.split(" +", 6);
    String name = fields.length < 6 ? "" : fields[5].strip();
    if (name.equals("[heap]")) {
      return "malloc: engines and the JVM's own";
    }
    if (name.isEmpty()) {
      return "anonymous: Java heap, code, metaspace, stacks, malloc's large blocks";
    }
    return name.startsWith("[") ? name : name.substring(name.lastIndexOf('/') + 1);
  }

  private static long kilobytes(String line) {
    return Long.parseLong(line.replaceAll("[^0-9]", ""));
  }

  private static String histogram() throws IOException {
    try {
      Object text =
          ManagementFactory.getPlatformMBeanServer()
              .invoke(
                  new ObjectName("com.sun.management:type=DiagnosticCommand"),
                  "gcClassHistogram",
                  new Object[] {new String[0]},
                  new String[] {String[].class.getName()});
      return String.join("\n", text.toString().lines().limit(CLASSES + 2L).toList()) + "\n";
    } catch (JMException e) {
      throw new IOException("no class histogram: " + e.getMessage(), e);
    }
  }
}
