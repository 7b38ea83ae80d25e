package io.skerry.artifact.sign;

import java.util.Arrays;

/** One signature of an envelope: who says to have made it, and its bytes. */
public final class DsseSignature {
  private final String keyId;
  private final byte[] signature;

  public DsseSignature(String keyId, byte[] signature) {
    this.keyId = keyId;
    this.signature = signature.clone();
  }

  /** A hint which key to try; not proven until verified. */
  public String keyId() {
    return keyId;
  }

  /** The signature's bytes. */
  public byte[] signature() {
    return signature.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof DsseSignature that
        && keyId.equals(that.keyId)
        && Arrays.equals(signature, that.signature);
  }

  @Override
  public int hashCode() {
    return 31 * keyId.hashCode() + Arrays.hashCode(signature);
  }

  @Override
  public String toString() {
    return "signature by key " + keyId;
  }
}
