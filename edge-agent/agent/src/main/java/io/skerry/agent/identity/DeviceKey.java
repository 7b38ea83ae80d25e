package io.skerry.agent.identity;

import io.skerry.protocol.Digest;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.PublicKey;

/**
 * A key pair of this device. The private half may be a handle to one that no program can read.
 *
 * @param number its place in the device's row of keys, from 1
 */
public record DeviceKey(int number, PublicKey publicKey, PrivateKey privateKey) {
  /** SHA-256 of the public key's SubjectPublicKeyInfo, 64 hex digits: what an operator allows. */
  public String fingerprint() {
    return Digest.of(publicKey.getEncoded()).hex();
  }

  /** A request for a certificate for this key, in PEM. */
  String request(String commonName) throws GeneralSecurityException {
    return SignedDer.request(publicKey, privateKey, commonName);
  }

  @Override
  public String toString() {
    return "DeviceKey[%d, %s]".formatted(number, fingerprint().substring(0, 16));
  }
}
