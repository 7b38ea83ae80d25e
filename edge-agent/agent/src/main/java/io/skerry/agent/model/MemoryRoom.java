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
  private volatile long reserved;
  private volatile Runnable givenBack = () -> {};

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

  /** What is set aside for a model while it is loaded. */
  interface Reserved extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Sets aside what a model takes while it is loaded, and waits until others are loaded that leave
   * too little meanwhile. Close it when the model is loaded, or is not.
   *
   * @param working bytes that it takes beside its files at least
   * @throws EngineException with reason {@code OUT_OF_MEMORY} if it would not fit even alone, or
   *     {@code STOPPED} if it was interrupted while it waited
   */
  Reserved reserve(Path model, long working) throws EngineException {
    long bytes = size(model) + weightsBeside(model);
    long peak = bytes * LOAD_PEAK_FACTOR;
    peak = working > Long.MAX_VALUE - peak ? Long.MAX_VALUE : peak + working;
    synchronized (this) {
      await(model, bytes, peak);
      reserved += peak;
    }
    long taken = peak;
    return () -> giveBack(taken);
  }

  // What others have taken already shows in what is free: it counts twice then, and at worst this
  // one waits for them.
  private void await(Path model, long bytes, long peak) throws EngineException {
    try {
      while (true) {
        OptionalLong free = available.get();
        if (free.isEmpty() || peak <= free.getAsLong() - RESERVE_BYTES - reserved) {
          return;
        }
        if (reserved == 0) {
          throw new EngineException(
              Reason.OUT_OF_MEMORY,
              "%s has %d bytes with its weights and takes about %d while it is loaded; %d can be had, %d of them stay free"
                  .formatted(model.getFileName(), bytes, peak, free.getAsLong(), RESERVE_BYTES));
        }
        wait();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new EngineException(
          Reason.STOPPED,
          "interrupted while %s waited for memory".formatted(model.getFileName()),
          e);
    }
  }

  private void giveBack(long bytes) {
    synchronized (this) {
      reserved -= bytes;
      notifyAll();
    }
    // Without this lock: whoever is woken asks for it.
    givenBack.run();
  }

  /** Bytes that are set aside for loads that are under way. */
  long reserved() {
    return reserved;
  }

  /** Tells, after each load, whoever waits for what it set aside. */
  void whenGivenBack(Runnable told) {
    givenBack = told;
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
