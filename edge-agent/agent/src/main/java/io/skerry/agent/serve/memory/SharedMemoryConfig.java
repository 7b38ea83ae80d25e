package io.skerry.agent.serve.memory;

import java.nio.file.Path;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Which memory clients may share.
 *
 * @param folder where the system keeps shared memory
 * @param keyPrefix what every key must begin with
 * @param owners users, by number, whose memory is accepted
 * @param regionsMax the most regions at a time
 * @param bytesMax the most bytes of all regions together
 */
public record SharedMemoryConfig(
    Path folder, String keyPrefix, Set<Integer> owners, int regionsMax, long bytesMax) {
  private static final Pattern PREFIX = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,62}");

  /**
   * Checks the prefix.
   *
   * @throws IllegalArgumentException if it is not 1 to 63 of A-Z, a-z, 0-9, '.', '_', '-'
   */
  public SharedMemoryConfig {
    if (!PREFIX.matcher(keyPrefix).matches()) {
      throw new IllegalArgumentException(
          "'%s' is no prefix of shared memory keys: use 1 to 63 of A-Z, a-z, 0-9, '.', '_', '-', no dot or dash first"
              .formatted(keyPrefix));
    }
    owners = Set.copyOf(owners);
  }

  /** Memory of these users below {@code /dev/shm}: at most 64 regions and 1 GiB. */
  public static SharedMemoryConfig of(String keyPrefix, Set<Integer> owners) {
    return new SharedMemoryConfig(Path.of("/dev/shm"), keyPrefix, owners, 64, 1L << 30);
  }
}
