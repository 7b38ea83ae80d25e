package io.skerry.profile;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;

/**
 * The memory that Linux' control groups leave to this process. A limit may lie on its own group and
 * on any above; of both versions of control groups, whichever has one counts:
 *
 * <pre>
 *  /proc/self/cgroup        version 2 "0::/PATH", version 1 "NUMBER:...,memory,...:/PATH"
 *  version 2   ROOT/PATH         memory.max            memory.current         inactive_file
 *  version 1   ROOT/memory/PATH  memory.limit_in_bytes memory.usage_in_bytes  total_inactive_file
 * </pre>
 *
 * Within a container PATH may be the host's, and ROOT already be the container's own group: folders
 * that are not there tell nothing.
 */
public final class MemoryGroup {
  // Version 1 tells "no limit" as the most pages that fit into 63 bits.
  private static final long UNLIMITED_BYTES = 1L << 60;

  private record Names(String folder, String limit, String used, String cached) {}

  private static final Names VERSION_2 =
      new Names("", "memory.max", "memory.current", "inactive_file ");
  private static final Names VERSION_1 =
      new Names("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file ");

  private final List<OptionalLong> limits = new ArrayList<>();
  private final List<OptionalLong> left = new ArrayList<>();

  private MemoryGroup(Path proc, Path root) {
    List<String> memberships = lines(proc.resolve("self").resolve("cgroup"));
    String path = "/";
    for (String line : memberships) {
      if (line.startsWith("0::")) {
        path = line.substring("0::".length());
      }
    }
    read(root.normalize(), path, VERSION_2);
    for (String line : memberships) {
      String[] fields = line.split(":", 3);
      if (fields.length == 3 && Arrays.asList(fields[1].split(",")).contains("memory")) {
        read(root.resolve(VERSION_1.folder()).normalize(), fields[2], VERSION_1);
      }
    }
  }

  /** Bytes that this process and its neighbours may use together; empty when there is no limit. */
  public static OptionalLong limit(Path proc, Path root) {
    return least(new MemoryGroup(proc, root).limits);
  }

  /** Bytes that are left of that; empty when there is no limit, or nobody can tell. */
  public static OptionalLong left(Path proc, Path root) {
    return least(new MemoryGroup(proc, root).left);
  }

  private static OptionalLong least(List<OptionalLong> all) {
    return all.stream().flatMapToLong(OptionalLong::stream).min();
  }

  private void read(Path top, String path, Names names) {
    Path folder = top.resolve(path.replaceAll("^/+", "")).normalize();
    for (; folder != null && folder.startsWith(top); folder = folder.getParent()) {
      OptionalLong limit = number(folder.resolve(names.limit()));
      if (limit.isPresent() && limit.getAsLong() < UNLIMITED_BYTES) {
        limits.add(limit);
        left.add(left(folder, names, limit.getAsLong()));
      }
    }
  }

  private static OptionalLong left(Path folder, Names names, long limit) {
    OptionalLong used = number(folder.resolve(names.used()));
    if (used.isEmpty()) {
      return used;
    }
    // Cached files count as used, and are given up before anybody is refused.
    long cached =
        lines(folder.resolve("memory.stat")).stream()
            .filter(line -> line.startsWith(names.cached()))
            .flatMapToLong(line -> number(line.substring(names.cached().length())).stream())
            .findFirst()
            .orElse(0);
    return OptionalLong.of(Math.max(0, limit - Math.max(0, used.getAsLong() - cached)));
  }

  private static OptionalLong number(Path file) {
    return lines(file).stream().flatMapToLong(line -> number(line).stream()).findFirst();
  }

  private static OptionalLong number(String text) {
    try {
      return OptionalLong.of(Long.parseLong(text.strip()));
    } catch (NumberFormatException e) {
      // "max": no limit here.
      return OptionalLong.empty();
    }
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file, StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      // Another system, or another version: nothing can be told.
      return List.of();
    }
  }
}
