package io.skerry.bench.agent;

import io.skerry.bench.Claim;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** What the agent adds to the engine, with the shipped image. */
public final class AgentBench {
  /** A measurement that makes one or more claims. */
  @FunctionalInterface
  interface Row {
    /**
     * Measures.
     *
     * @param quick whether a rough figure is enough
     */
    List<Claim> measure(Image image, boolean quick) throws Exception;
  }

  private AgentBench() {}

  /** Measures the rows that make a wanted claim. */
  public static List<Claim> measure(Predicate<String> wanted, boolean quick, Consumer<Claim> told)
      throws Exception {
    // Short: sockets lie in it, and a socket's path may have 107 bytes.
    Path scratch = Files.createTempDirectory("ska");
    try {
      Image image = Image.find(scratch);
      List<Claim> claims = new ArrayList<>();
      for (Map.Entry<List<String>, Row> row : rows().entrySet()) {
        if (row.getKey().stream().anyMatch(wanted)) {
          for (Claim claim : row.getValue().measure(image, quick)) {
            told.accept(claim);
            claims.add(claim);
          }
        }
      }
      return claims;
    } finally {
      delete(scratch);
    }
  }

  private static Map<List<String>, Row> rows() {
    Map<List<String>, Row> rows = new LinkedHashMap<>();
    rows.put(List.of(SizeRow.NAME), SizeRow::measure);
    rows.put(List.of(StartRow.NAME), StartRow::measure);
    rows.put(MemoryRow.NAMES, MemoryRow::measure);
    rows.put(List.of(IdleRow.NAME), IdleRow::measure);
    rows.put(List.of(LatencyRow.NAME), LatencyRow::measure);
    rows.put(List.of(SharedMemoryRow.NAME), SharedMemoryRow::measure);
    rows.put(List.of(ThroughputRow.NAME), ThroughputRow::measure);
    rows.put(SwapRow.NAMES, SwapRow::measure);
    rows.put(List.of(CancelRow.NAME), CancelRow::measure);
    rows.put(List.of(LeaseRow.NAME), LeaseRow::measure);
    return rows;
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
