package io.skerry.artifact.trust;

import io.skerry.artifact.sign.Dsse;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.artifact.sign.VerificationKey;
import io.skerry.protocol.Digest;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Keys, and how many of them must agree.
 *
 * @param keys 1 to {@link #KEYS_MAX}, each once
 * @param threshold how many different ones must have signed, 1 to all
 */
public record Role(List<VerificationKey> keys, int threshold) {
  /** Keys that one role can have. */
  public static final int KEYS_MAX = 16;

  /**
   * Checks the counts.
   *
   * @throws IllegalArgumentException if there are too few or too many keys, one of them twice, or a
   *     threshold that they cannot meet
   */
  public Role {
    keys = List.copyOf(keys);
    if (keys.isEmpty() || keys.size() > KEYS_MAX) {
      throw new IllegalArgumentException(
          "a role has %d keys: 1 to %d are possible".formatted(keys.size(), KEYS_MAX));
    }
    if (new HashSet<>(keys).size() < keys.size()) {
      throw new IllegalArgumentException("a role has the same key twice");
    }
    if (threshold < 1 || threshold > keys.size()) {
      throw new IllegalArgumentException(
          "threshold is %d, with %d keys it is 1 to %2$d".formatted(threshold, keys.size()));
    }
  }

  /** A role of one key. */
  public static Role of(VerificationKey key) {
    return new Role(List.of(key), 1);
  }

  /**
   * The payload, once enough different keys of this role are proven to have signed it.
   *
   * @param payloadType what the caller is about to read the payload as
   * @throws SignatureInvalidException if the type differs or too few keys signed
   */
  public byte[] open(DsseEnvelope envelope, String payloadType) {
    return Dsse.verify(envelope, payloadType, keys, threshold);
  }

  /**
   * Whether somebody who could sign in this role alone can no longer: a key is gone, or more of
   * them must agree. What this role said about its own order, its version numbers, is then worth
   * nothing.
   */
  public boolean isRotatedBy(Role next) {
    return threshold != next.threshold || !new HashSet<>(next.keys).containsAll(keys);
  }

  /**
   * Tells roles apart: the first 16 hex digits of a digest over threshold and keys in any order.
   */
  public String id() {
    String text =
        keys.stream()
            .map(VerificationKey::hex)
            .sorted()
            .collect(Collectors.joining(",", threshold + ":", ""));
    return Digest.of(text.getBytes(StandardCharsets.US_ASCII)).hex().substring(0, 16);
  }

  /**
   * Whether another role is the same: equal keys in any order, equal threshold. When it is not, the
   * role has been rotated.
   */
  public boolean isSameAs(Role other) {
    return threshold == other.threshold && new HashSet<>(keys).equals(new HashSet<>(other.keys));
  }
}
