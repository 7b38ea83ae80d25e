package io.skerry.protocol;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * A SHA-256 digest of content, written {@code sha256:<64 hex digits>}.
 *
 * @param hex 64 lower-case hex digits
 */
public record Digest(String hex) {
  private static final int HEX_DIGITS = 64;
  private static final String PREFIX = "sha256:";

  /**
   * Checks the digits.
   *
   * @throws IllegalArgumentException if they are not 64 lower-case hex digits
   */
  public Digest {
    if (!isHex(hex)) {
      throw new IllegalArgumentException("digest is not 64 lower-case hex digits");
    }
  }

  // By hand: devices and servers make and read digests all the time.
  private static boolean isHex(String text) {
    if (text.length() != HEX_DIGITS) {
      return false;
    }
    for (int i = 0; i < HEX_DIGITS; i++) {
      char digit = text.charAt(i);
      if (!((digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f'))) {
        return false;
      }
    }
    return true;
  }

  /**
   * Reads {@code sha256:<hex>}.
   *
   * @throws IllegalArgumentException if the text has another form
   */
  public static Digest parse(String text) {
    if (!text.startsWith(PREFIX)) {
      throw new IllegalArgumentException("digest does not start with 'sha256:'");
    }
    return new Digest(text.substring(PREFIX.length()));
  }

  /** The digest of these bytes. */
  public static Digest of(byte[] content) {
    return ofSha256(newMessageDigest().digest(content));
  }

  /** The digest held by a finished {@link MessageDigest} of algorithm SHA-256; resets it. */
  public static Digest of(MessageDigest finished) {
    return ofSha256(finished.digest());
  }

  /** A fresh SHA-256, to be given to {@link #of(MessageDigest)} when fed. */
  public static MessageDigest newMessageDigest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  private static Digest ofSha256(byte[] sha256) {
    return new Digest(HexFormat.of().formatHex(sha256));
  }

  @Override
  public String toString() {
    return PREFIX + hex;
  }
}
