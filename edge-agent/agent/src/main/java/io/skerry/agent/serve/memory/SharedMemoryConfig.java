package io.skerry.agent.serve.memory;

import java.nio.file.Path;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Which memory clients may share.
 *
 * @param folder where the system keeps shared memory
 * @param keyPrefix what every key must begin with
 * @param owners users, by number, whose memory is accepted
 * @param regionsMax the most regions at a time
 * @param bytesMax the most bytes of all regions together
 * @param reserved prefixes of keys that are other applications'
 */
public record SharedMemoryConfig(
    Path folder,
    String keyPrefix,
    Set<Integer> owners,
    int regionsMax,
    long bytesMax,
    Set<String> reserved) {
  private static final Pattern PREFIX = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,62}");

  // No name of an application has it, so no prefix is the beginning of another.
  private static final String SEPARATOR = ".";

  /** Copies. */
  public SharedMemoryConfig {
    owners = Set.copyOf(owners);
    reserved = Set.copyOf(reserved);
  }

  /**
   * Nothing reserved.
   *
   * @throws IllegalArgumentException if the prefix is not 1 to 63 of A-Z, a-z, 0-9, '.', '_', '-'
   */
  public SharedMemoryConfig(
      Path folder, String keyPrefix, Set<Integer> owners, int regionsMax, long bytesMax) {
    this(folder, checked(keyPrefix), owners, regionsMax, bytesMax, Set.of());
  }

  /**
   * Memory of these users below {@code /dev/shm}: at most 64 regions and 1 GiB for each
   * application.
   *
   * @throws IllegalArgumentException if the prefix is not 1 to 63 of A-Z, a-z, 0-9, '.', '_', '-'
   */
  public static SharedMemoryConfig of(String keyPrefix, Set<Integer> owners) {
    return new SharedMemoryConfig(Path.of("/dev/shm"), keyPrefix, owners, 64, 1L << 30);
  }

  /** What an application of this name may share: keys that begin with the prefix and its name. */
  public SharedMemoryConfig of(String application) {
    return new SharedMemoryConfig(
        folder, prefixOf(application), owners, regionsMax, bytesMax, Set.of());
  }

  /** What the others may share beside the applications of these names. */
  public SharedMemoryConfig beside(Set<String> applications) {
    return new SharedMemoryConfig(
        folder,
        keyPrefix,
        owners,
        regionsMax,
        bytesMax,
        applications.stream().map(this::prefixOf).collect(Collectors.toUnmodifiableSet()));
  }

  private String prefixOf(String application) {
    return keyPrefix + application + SEPARATOR;
  }

  private static String checked(String prefix) {
    if (!PREFIX.matcher(prefix).matches()) {
      throw new IllegalArgumentException(
          "'%s' is no prefix of shared memory keys: use 1 to 63 of A-Z, a-z, 0-9, '.', '_', '-', no dot or dash first"
              .formatted(prefix));
    }
    return prefix;
  }
}
