package io.skerry.e2e.scene;

import io.skerry.protocol.RecordStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/** Reads a stopped agent's spool by its documented form, with none of the agent's own code. */
public final class SpoolFiles {
  private static final Pattern SEGMENT = Pattern.compile("(\\d+)-(\\d+)\\.seg");
  private static final int MARKER = 0x534B5233;
  private static final int OVERHEAD = 24;

  private SpoolFiles() {}

  /** Whose record it is. */
  public record Origin(long epoch, RecordStream stream) {}

  /** Where a record's frame lies. */
  public record Frame(Path file, Origin origin, long sequence, int offset, int bytes) {}

  /** Every whole record, oldest first within a stream and boot. */
  public static List<Frame> frames(Path data) throws IOException {
    List<Frame> frames = new ArrayList<>();
    for (RecordStream stream : RecordStream.values()) {
      Path folder = data.resolve("spool").resolve(stream.wireName());
      List<Path> files;
      try (Stream<Path> listed = Files.list(folder)) {
        files = listed.toList();
      } catch (NoSuchFileException e) {
        continue;
      }
      for (Path file : files) {
        Matcher name = SEGMENT.matcher(String.valueOf(file.getFileName()));
        if (name.matches()) {
          frames.addAll(frames(file, new Origin(Long.parseLong(name.group(1)), stream)));
        }
      }
    }
    return frames;
  }

  private static List<Frame> frames(Path file, Origin origin) throws IOException {
    List<Frame> frames = new ArrayList<>();
    byte[] content = Files.readAllBytes(file);
    ByteBuffer bytes = ByteBuffer.wrap(content);
    int at = 0;
    while (at + OVERHEAD <= content.length) {
      int payload = bytes.getInt(at + 4);
      if (bytes.getInt(at) != MARKER || payload < 0 || payload > content.length - at - OVERHEAD) {
        at++;
        continue;
      }
      CRC32C crc = new CRC32C();
      crc.update(content, at, 20 + payload);
      if ((int) crc.getValue() != bytes.getInt(at + 20 + payload)) {
        at++;
        continue;
      }
      frames.add(new Frame(file, origin, bytes.getLong(at + 8), at, payload + OVERHEAD));
      at += payload + OVERHEAD;
    }
    return frames;
  }

  /** Bytes of the files of records; roughly, while the agent runs. */
  public static long bytes(Path data) throws IOException {
    try (Stream<Path> files = Files.walk(data.resolve("spool"))) {
      return files
          .filter(file -> SEGMENT.matcher(String.valueOf(file.getFileName())).matches())
          .mapToLong(file -> file.toFile().length())
          .sum();
    }
  }

  /** The sequences that lie there. */
  public static Map<Origin, NavigableSet<Long>> sequences(Path data) throws IOException {
    Map<Origin, NavigableSet<Long>> sequences = new HashMap<>();
    for (Frame frame : frames(data)) {
      sequences.computeIfAbsent(frame.origin(), origin -> new TreeSet<>()).add(frame.sequence());
    }
    return sequences;
  }
}
