package io.skerry.agent.diagnose;

import io.skerry.agent.model.EngineMemory;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.ServingModel;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;
import javax.management.JMException;
import javax.management.ObjectName;

/** Where memory is: what is resident and what was allocated, by owner, and the JVM's own view. */
final class MemoryPage {
  private static final int CLASSES = 25;

  private MemoryPage() {}

  static String of(ModelSlots slots) throws IOException {
    StringBuilder page = new StringBuilder();
    page.append("resident memory by owner, KB (of it anonymous)\n");
    Mappings.Range heap = Mappings.Range.ofHeapInfo(command("gcHeapInfo"));
    Mappings.owners(Files.readAllLines(Path.of("/proc/self/smaps")), heap).entrySet().stream()
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
    allocated(slots, page);
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

  // The engines' own libraries allocate for the models, and for nothing else of size.
  private static void allocated(ModelSlots slots, StringBuilder page) {
    Optional<EngineMemory.Allocated> told = EngineMemory.now();
    if (told.isEmpty()) {
      return;
    }
    page.append("\nallocated by malloc, KB, by owner; a model's as it was loaded and ran first\n");
    long known = 0;
    for (ServingModel model : slots.active()) {
      if (model.memoryBytes().isPresent()) {
        known += model.memoryBytes().getAsLong();
        line(
            page,
            model.memoryBytes().getAsLong(),
            "model %s by %s".formatted(model.version(), model.engine()));
      } else {
        page.append("         ?  model ").append(model.version()).append(" by ");
        page.append(model.engine()).append('\n');
      }
    }
    for (BufferPoolMXBean pool : ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class)) {
      if (pool.getName().equals("direct")) {
        known += pool.getMemoryUsed();
        line(page, pool.getMemoryUsed(), "direct buffers");
      }
    }
    line(
        page,
        Math.max(0, told.get().usedBytes() - known),
        "others: the JVM, what engines have for all models, the transport");
    line(page, told.get().keptBytes(), "given back, and kept by malloc");
  }

  private static void line(StringBuilder page, long bytes, String owner) {
    page.append(String.format(Locale.ROOT, "%10d  %s%n", bytes >> 10, owner));
  }

  private static String histogram() throws IOException {
    String text = command("gcClassHistogram", (Object) new String[0]);
    return String.join("\n", text.lines().limit(CLASSES + 2L).toList()) + "\n";
  }

  /** What a diagnostic command of the JVM says. */
  private static String command(String name, Object... arguments) throws IOException {
    String[] types = new String[arguments.length];
    Arrays.fill(types, String[].class.getName());
    try {
      return String.valueOf(
          ManagementFactory.getPlatformMBeanServer()
              .invoke(
                  new ObjectName("com.sun.management:type=DiagnosticCommand"),
                  name,
                  arguments,
                  types));
    } catch (JMException e) {
      throw new IOException("the JVM does not tell '%s': %s".formatted(name, e.getMessage()), e);
    }
  }
}
