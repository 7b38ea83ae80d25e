package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Fault;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A run that broke, to be run again: text, a line each.
 *
 * <pre>
 * skerry-trace 3
 * scenario NAME
 * seed S
 * devices N
 * days D
 * hash H                     of everything that happened in it; "-" = to be kept whatever happens
 * AT KIND DEVICE LASTS SEED  a fault each: milliseconds from the beginning
 * </pre>
 */
record TraceFile(
    String scenario, long seed, int devices, int days, String hash, List<Fault> faults) {
  private static final String MAGIC = "skerry-trace ";

  /** Raised with every kind of fault, and with every change of what a kind's seed means. */
  static final int VERSION = 3;

  /** In the place of a hash, in traces that outlive the program that wrote them. */
  private static final String NO_HASH = "-";

  private static final int HEAD_LINES = 6;

  /** Sizes of a run. */
  static final int DEVICES_MIN = 3;

  static final int DEVICES_MAX = 20_000;
  static final int DAYS_MAX = 36_500;

  TraceFile {
    faults = List.copyOf(faults);
  }

  /** What is wrong with a file, in one line. */
  static final class BadTraceException extends Exception {
    private static final long serialVersionUID = 1L;

    BadTraceException(String message) {
      super(message);
    }
  }

  static TraceFile read(Path file) throws BadTraceException {
    List<String> lines;
    try {
      lines = Files.readAllLines(file, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new BadTraceException("trace '%s' cannot be read: %s".formatted(file, e));
    }
    if (lines.isEmpty() || !lines.getFirst().startsWith(MAGIC)) {
      throw new BadTraceException("'%s' is no trace of a simulation".formatted(file));
    }
    String version = lines.getFirst().substring(MAGIC.length()).strip();
    if (!version.equals(Integer.toString(VERSION))) {
      throw new BadTraceException(
          "trace '%s' has version %s, this program reads version %d: run its seed again"
              .formatted(file, version, VERSION));
    }
    try {
      List<Fault> faults = new ArrayList<>();
      for (String line : lines.subList(HEAD_LINES, lines.size())) {
        if (!line.isBlank()) {
          faults.add(Fault.parse(line));
        }
      }
      TraceFile read =
          new TraceFile(
              value(lines, 1, "scenario"),
              Long.parseLong(value(lines, 2, "seed")),
              Integer.parseInt(value(lines, 3, "devices")),
              Integer.parseInt(value(lines, 4, "days")),
              value(lines, 5, "hash"),
              faults);
      read.check();
      return read;
    } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
      throw new BadTraceException(
          "trace '%s' is damaged: %s".formatted(file, String.valueOf(e.getMessage())));
    }
  }

  /** Whether a run of this program does what is in it, or nobody may ask. */
  boolean isSameAs(String other) {
    return !hasHash() || hash.equals(other);
  }

  /** Whether it says what happened. */
  boolean hasHash() {
    return !hash.equals(NO_HASH);
  }

  private void check() {
    require(devices >= DEVICES_MIN && devices <= DEVICES_MAX, devices + " devices");
    require(days >= 1 && days <= DAYS_MAX, days + " days");
    for (Fault fault : faults) {
      boolean ofDevice = fault.kind().isOfDevice();
      require(
          ofDevice ? fault.device() >= 0 && fault.device() < devices : fault.device() == -1,
          "'%s' of %d devices".formatted(fault, devices));
      require(fault.at() >= 0 && fault.lasts() >= 0, "'%s' before the beginning".formatted(fault));
    }
  }

  private static void require(boolean held, String otherwise) {
    if (!held) {
      throw new IllegalArgumentException(otherwise);
    }
  }

  private static String value(List<String> lines, int line, String name) {
    String[] words = lines.get(line).split(" ", 2);
    if (words.length != 2 || !words[0].equals(name)) {
      throw new IllegalArgumentException("line %d is not '%s'".formatted(line + 1, name));
    }
    return words[1].strip();
  }

  String text() {
    StringBuilder text = new StringBuilder();
    text.append(MAGIC).append(VERSION).append('\n');
    text.append("scenario ").append(scenario).append('\n');
    text.append("seed ").append(seed).append('\n');
    text.append("devices ").append(devices).append('\n');
    text.append("days ").append(days).append('\n');
    text.append("hash ").append(hash).append('\n');
    faults.forEach(fault -> text.append(fault).append('\n'));
    return text.toString();
  }
}
