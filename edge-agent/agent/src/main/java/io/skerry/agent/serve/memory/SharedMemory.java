package io.skerry.agent.serve.memory;

import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictException.Code;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.regex.Pattern;

/**
 * The regions that clients have registered.
 *
 * <p>A key is a plain file name with the configured prefix, of a regular file that an accepted user
 * owns; nothing else is ever opened. What a client that died has left is given up when its name or
 * its room is wanted: regions whose file has been deleted or replaced. Thread-safe.
 */
public final class SharedMemory implements AutoCloseable {
  private static final int NAME_CHARACTERS_MAX = 256;
  private static final Pattern KEY = Pattern.compile("[A-Za-z0-9._-]{1,255}");

  private final Optional<SharedMemoryConfig> config;
  private final Map<String, SharedRegion> regions = new ConcurrentSkipListMap<>();

  /** Memory as configured; without a configuration nothing can be registered. */
  public SharedMemory(Optional<SharedMemoryConfig> config) {
    this.config = config;
  }

  /** Whether clients may register memory. */
  public boolean isOn() {
    return config.isPresent();
  }

  /**
   * Maps a region.
   *
   * @param key the file's name, with or without a leading slash
   * @param offset where the region begins in the file
   * @throws PredictException if memory is not shared here, the name is taken, the key is not an
   *     accepted one, the region is not inside the file, or a bound is reached
   */
  public synchronized void register(String name, String key, long offset, long bytes)
      throws PredictException {
    SharedMemoryConfig limits =
        config.orElseThrow(
            () ->
                new PredictException(
                    Code.UNIMPLEMENTED,
                    "system shared memory is off: it needs an agent with --shared-memory PREFIX and a client of this machine"));
    if (name.isEmpty() || name.length() > NAME_CHARACTERS_MAX) {
      throw invalid(
          "a shared memory region needs a name of 1 to %d characters"
              .formatted(NAME_CHARACTERS_MAX));
    }
    if (regions.containsKey(name)) {
      giveUp(limits, name);
    }
    if (regions.containsKey(name)) {
      throw new PredictException(
          Code.ALREADY_EXISTS, "shared memory region '%s' already in manager".formatted(name));
    }
    if (regions.size() >= limits.regionsMax() || bytes > limits.bytesMax() - registered()) {
      Set.copyOf(regions.keySet()).forEach(left -> giveUp(limits, left));
    }
    if (regions.size() >= limits.regionsMax()) {
      throw new PredictException(
          Code.RESOURCE_EXHAUSTED,
          "%d shared memory regions are registered, and no more may be: unregister one"
              .formatted(regions.size()));
    }
    long registered = registered();
    if (offset < 0 || bytes <= 0 || bytes > limits.bytesMax() - registered) {
      throw new PredictException(
          bytes > 0 && offset >= 0 ? Code.RESOURCE_EXHAUSTED : Code.INVALID_ARGUMENT,
          "shared memory region '%s' of %s bytes at %s does not fit: %d of %d bytes are registered"
              .formatted(
                  name,
                  Long.toUnsignedString(bytes),
                  Long.toUnsignedString(offset),
                  registered,
                  limits.bytesMax()));
    }
    regions.put(name, open(limits, name, fileName(limits, key), offset, bytes));
  }

  /**
   * The region of this name.
   *
   * @throws PredictException if there is none
   */
  public SharedRegion region(String name) throws PredictException {
    SharedRegion region = regions.get(name);
    if (region == null) {
      throw new PredictException(
          Code.NOT_FOUND,
          "Unable to find shared memory region: '%s'"
              .formatted(name.length() <= 80 ? name : name.substring(0, 80) + "..."));
    }
    return region;
  }

  /** Every region, ordered by name. */
  public List<SharedRegion> regions() {
    return List.copyOf(regions.values());
  }

  /** Unmaps the region; one that is not there is no error. */
  public synchronized void unregister(String name) {
    SharedRegion region = regions.remove(name);
    if (region != null) {
      region.close();
    }
  }

  /** Unmaps every region. */
  public synchronized void unregisterAll() {
    Set.copyOf(regions.keySet()).forEach(this::unregister);
  }

  @Override
  public void close() {
    unregisterAll();
  }

  private long registered() {
    return regions.values().stream().mapToLong(SharedRegion::bytes).sum();
  }

  /** Unmaps a region whose file its client has deleted or replaced. */
  private void giveUp(SharedMemoryConfig limits, String name) {
    SharedRegion region = regions.get(name);
    if (region == null) {
      return;
    }
    Optional<Object> now = identity(limits.folder().resolve(region.key()));
    if (!now.equals(Optional.of(region.identity()))) {
      unregister(name);
    }
  }

  private static Optional<Object> identity(Path path) {
    try {
      Map<String, Object> facts =
          Files.readAttributes(path, "unix:ino,dev,uid", LinkOption.NOFOLLOW_LINKS);
      return Optional.of(identity(facts));
    } catch (IOException gone) {
      return Optional.empty();
    }
  }

  private static Object identity(Map<String, Object> facts) {
    return List.of(
        String.valueOf(facts.get("dev")),
        String.valueOf(facts.get("ino")),
        String.valueOf(facts.get("uid")));
  }

  private static String fileName(SharedMemoryConfig limits, String key) throws PredictException {
    String file = key.startsWith("/") ? key.substring(1) : key;
    if (!KEY.matcher(file).matches() || !file.startsWith(limits.keyPrefix())) {
      throw invalid(
          "shared memory key '%s' is not accepted: it must begin with '%s' and hold only A-Z, a-z, 0-9, '.', '_', '-'"
              .formatted(
                  key.replaceAll("\\p{Cntrl}", "?").substring(0, Math.min(80, key.length())),
                  limits.keyPrefix()));
    }
    if (limits.reserved().stream().anyMatch(file::startsWith)) {
      throw invalid(
          "shared memory key '%s' is not accepted: keys of another application begin so"
              .formatted(file.substring(0, Math.min(80, file.length()))));
    }
    return file;
  }

  private static SharedRegion open(
      SharedMemoryConfig limits, String name, String file, long offset, long bytes)
      throws PredictException {
    Path path = limits.folder().resolve(file);
    try {
      Object before = accepted(limits, path, file);
      FileChannel channel =
          FileChannel.open(
              path, StandardOpenOption.READ, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
      boolean mapped = false;
      try {
        // Java cannot ask an open file for its owner: the file before and after must be the same.
        if (!before.equals(accepted(limits, path, file))) {
          throw invalid("shared memory '%s' was replaced meanwhile".formatted(file));
        }
        if (offset > channel.size() || bytes > channel.size() - offset) {
          throw invalid(
              "shared memory region '%s' of %d bytes at %d is not inside '%s', which has %d bytes"
                  .formatted(name, bytes, offset, file, channel.size()));
        }
        SharedRegion region = SharedRegion.map(name, file, before, offset, bytes, channel);
        mapped = true;
        return region;
      } finally {
        if (!mapped) {
          channel.close();
        }
      }
    } catch (IOException e) {
      throw new PredictException(
          Code.INVALID_ARGUMENT, "Unable to open shared memory region: '%s'".formatted(file), e);
    }
  }

  /** The file's identity, when it is regular, an accepted user's, and has no other name. */
  private static Object accepted(SharedMemoryConfig limits, Path path, String file)
      throws IOException, PredictException {
    Map<String, Object> facts =
        Files.readAttributes(
            path, "unix:ino,dev,uid,nlink,isRegularFile", LinkOption.NOFOLLOW_LINKS);
    if (!Boolean.TRUE.equals(facts.get("isRegularFile"))) {
      throw invalid("shared memory '%s' is no regular file".formatted(file));
    }
    if (!(facts.get("uid") instanceof Integer owner) || !limits.owners().contains(owner)) {
      throw invalid(
          "shared memory '%s' belongs to user %s, whose memory is not accepted"
              .formatted(file, facts.get("uid")));
    }
    // A name that another application gave to a file that is not its own has the file's owner.
    if (!(facts.get("nlink") instanceof Integer names) || names != 1) {
      throw invalid(
          "shared memory '%s' has %s names, and may have one".formatted(file, facts.get("nlink")));
    }
    return identity(facts);
  }

  private static PredictException invalid(String message) {
    return new PredictException(Code.INVALID_ARGUMENT, message);
  }
}
