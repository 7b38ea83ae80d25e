package io.skerry.artifact.sign;

import io.skerry.protocol.Digest;
import java.security.GeneralSecurityException;
import java.security.InvalidKeyException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.SignatureException;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.HexFormat;

/** An Ed25519 public key. Written as 64 hex digits of its 32 raw bytes. */
public final class VerificationKey {
  static final String ALGORITHM = "Ed25519";
  static final int RAW_BYTES = 32;

  /** DER of SubjectPublicKeyInfo for Ed25519 (RFC 8410), up to the raw key. */
  private static final byte[] SPKI_PREFIX = HexFormat.of().parseHex("302a300506032b6570032100");

  private final byte[] raw;
  private final PublicKey key;

  private VerificationKey(byte[] raw, PublicKey key) {
    this.raw = raw;
    this.key = key;
  }

  /**
   * The key of these 32 bytes.
   *
   * @throws IllegalArgumentException if they are no Ed25519 public key
   */
  public static VerificationKey ofRaw(byte[] raw) {
    if (raw.length != RAW_BYTES) {
      throw new IllegalArgumentException(
          "Ed25519 public key has %d bytes, expected %d".formatted(raw.length, RAW_BYTES));
    }
    byte[] spki = Arrays.copyOf(SPKI_PREFIX, SPKI_PREFIX.length + RAW_BYTES);
    System.arraycopy(raw, 0, spki, SPKI_PREFIX.length, RAW_BYTES);
    try {
      PublicKey key =
          KeyFactory.getInstance(ALGORITHM).generatePublic(new X509EncodedKeySpec(spki));
      return new VerificationKey(raw.clone(), key);
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException("bytes are no Ed25519 public key", e);
    }
  }

  /**
   * The key of these 64 hex digits.
   *
   * @throws IllegalArgumentException if they are no Ed25519 public key
   */
  public static VerificationKey ofHex(String hex) {
    return ofRaw(HexFormat.of().parseHex(hex));
  }

  /** The 32 raw bytes. */
  public byte[] raw() {
    return raw.clone();
  }

  /** The raw bytes as 64 hex digits. */
  public String hex() {
    return HexFormat.of().formatHex(raw);
  }

  /** SHA-256 of the raw bytes, 64 hex digits: what an enrolment token names the root key by. */
  public String fingerprint() {
    return Digest.of(raw).hex();
  }

  /** First 16 hex digits of the {@link #fingerprint}: a hint which key signed, never a proof. */
  public String id() {
    return fingerprint().substring(0, 16);
  }

  /** Whether {@code signature} was made over {@code message} by this key's owner. */
  public boolean verifies(byte[] message, byte[] signature) {
    try {
      Signature verifier = Signature.getInstance(ALGORITHM);
      verifier.initVerify(key);
      verifier.update(message);
      return verifier.verify(signature);
    } catch (SignatureException | InvalidKeyException e) {
      // A signature or point that cannot be decoded is as wrong as one that does not match.
      return false;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK since 15 has Ed25519", e);
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof VerificationKey that && Arrays.equals(raw, that.raw);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(raw);
  }

  @Override
  public String toString() {
    return "key " + id();
  }
}
