package io.skerry.agent.model;

import io.skerry.artifact.onnx.OutsideWeight;
import io.skerry.artifact.onnx.OutsideWeights;
import io.skerry.artifact.onnx.WeightsRefusedException;
import io.skerry.profile.MemoryGroup;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Supplier;

/**
 * How much memory a model may still take: asking an engine for more than there is may end the whole
 * process, so it is refused before. While a model is loaded its file and those beside it that hold
 * its weights, what is made of them and what the engine needs in between are there at a time, and
 * the version that it replaces still is.
 */
public final class MemoryRoom {
  /** Bytes that loading takes at its peak, for each byte of the model's files. */
  static final int LOAD_PEAK_FACTOR = 3;

  /** Bytes that always stay free for everything else in the process. */
  static final long RESERVE_BYTES = 8L << 20;

  private static final String ONNX = ".onnx";

  private final Supplier<OptionalLong> available;

  /**
   * Room as something else tells.
   *
   * @param available bytes that can still be had; nothing is refused when empty
   */
  public MemoryRoom(Supplier<OptionalLong> available) {
    this.available = available;
  }

  /** What Linux tells of the machine, and of the control group that this process is in. */
  public static MemoryRoom ofLinux() {
    return new MemoryRoom(() -> available(Path.of("/proc"), Path.of("/sys/fs/cgroup")));
  }

  /**
   * Refuses a model that would not fit.
   *
   * @throws EngineException with reason {@code OUT_OF_MEMORY}
   */
  void require(Path model) throws EngineException {
    OptionalLong free = available.get();
    if (free.isEmpty()) {
      return;
    }
    long bytes = size(model) + weightsBeside(model);
    if (bytes > (free.getAsLong() - RESERVE_BYTES) / LOAD_PEAK_FACTOR) {
      throw new EngineException(
          Reason.OUT_OF_MEMORY,
          "%s has %d bytes with its weights and takes about %d while it is loaded; %d can be had, %d of them stay free"
              .formatted(
                  model.getFileName(),
                  bytes,
                  LOAD_PEAK_FACTOR * bytes,
                  free.getAsLong(),
                  RESERVE_BYTES));
    }
  }

  /** Bytes that can be had and need not stay free; empty when nobody knows. */
  OptionalLong free() {
    OptionalLong all = available.get();
    return all.isPresent() ? OptionalLong.of(all.getAsLong() - RESERVE_BYTES) : all;
  }

  private static long weightsBeside(Path model) {
    if (!model.toString().endsWith(ONNX)) {
      return 0;
    }
    try {
      Set<Path> files = new HashSet<>();
      for (OutsideWeight weight : OutsideWeights.named(model)) {
        files.add(model.resolveSibling(weight.within()));
      }
      return files.stream().mapToLong(MemoryRoom::size).sum();
    } catch (IOException | WeightsRefusedException e) {
      // The engine says what is wrong with them.
      return 0;
    }
  }

  private static long size(Path file) {
    try {
      return Files.size(file);
    } catch (IOException e) {
      // The engine says what is wrong with the file.
      return 0;
    }
  }

  /** The smaller of what the machine and the control group can still give. */
  public static OptionalLong available(Path proc, Path cgroup) {
    OptionalLong machine = kibibytes(proc.resolve("meminfo"), "MemAvailable:");
    OptionalLong group = MemoryGroup.left(proc, cgroup);
    if (machine.isEmpty() || group.isEmpty()) {
      return machine.isPresent() ? machine : group;
    }
    return OptionalLong.of(Math.min(machine.getAsLong(), group.getAsLong()));
  }

  static OptionalLong kibibytes(Path file, String key) {
    OptionalLong found = bytes(file, key);
    return found.isPresent() ? OptionalLong.of(found.getAsLong() * 1024) : found;
  }

  private static OptionalLong bytes(Path file, String key) {
    try {
      List<String> lines = Files.readAllLines(file);
      for (String line : lines) {
        if (line.startsWith(key)) {
          return OptionalLong.of(
              Long.parseLong(line.substring(key.length()).replace("kB", "").strip()));
        }
      }
    } catch (IOException | NumberFormatException e) {
      // Another system: nothing can be told.
      return OptionalLong.empty();
    }
    return OptionalLong.empty();
  }
}
